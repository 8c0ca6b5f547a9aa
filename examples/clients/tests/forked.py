"""An application whose workers are forked, for the test of forks: a WSGI application for gunicorn and a project for Celery.

The client and the handler are made once, when the module is imported: with `gunicorn --preload` and with Celery's prefork pool that
is in the parent. AUDIT_URL, AUDIT_KEY and AUDIT_SPOOL say where they send to.
"""

import logging
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import audit_logging

# As a test cannot wait for as long as a network operator would.
audit_logging.BACK_OFF_SECONDS = (0.02, 0.2)
options = {"spool": os.environ["AUDIT_SPOOL"], "on_error": lambda text: None}
client = audit_logging.AuditClient(os.environ["AUDIT_URL"], os.environ["AUDIT_KEY"], **options)
handler = audit_logging.AuditHandler(os.environ["AUDIT_URL"], os.environ["AUDIT_KEY"], app_name="forked", **options)
logger = logging.getLogger("forked")
logger.addHandler(handler)
logger.propagate = False
# Its own: Celery and gunicorn set that of the root.
logger.setLevel(logging.INFO)


def work(label):
    """What each worker does, in a request, a task or a job: one event and one log record."""
    client.send({"action": "WORK", "description": label})
    logger.warning("%s", label)


def application(environ, start_response):
    """For gunicorn. `/die/LABEL` ends the worker at once, before it has answered."""
    *_, order, label = environ["PATH_INFO"].split("/")
    work(label)
    if order == "die":
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


try:
    import celery
except ImportError:
    pass  # Not in this process.
else:
    # A broker of files: no service has to run.
    broker = os.path.join(os.environ["AUDIT_SPOOL"], "..", "broker")
    app = celery.Celery("forked", broker="filesystem://", set_as_current=False)
    folders = {"data_folder_in": broker, "data_folder_out": broker, "control_folder": broker + "-control"}
    app.conf.update(broker_transport_options={**folders, "store_processed": False},
                    task_ignore_result=True, worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)

    @app.task(name="work")
    def task(label):
        work(label)
