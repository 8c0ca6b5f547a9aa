"""A stand-in for the audit server, for what the real one cannot be made to answer."""

import http.server
import json
import threading


class StandIn:
    """Keeps what it is sent by uuid. `script` is what it answers first, one entry a request: a status, or (status, headers, body)."""

    def __init__(self, script=()):
        self.script, self.requests, self.records = list(script), [], {}
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = stand_in.answer(body)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
                # Without a word before: what a server does with an idle connection.
                self.close_connection = stand_in.closes

            def log_message(self, *_):
                pass

        self.closes = False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, body):
        self.requests.append(body)
        if self.script:
            entry = self.script.pop(0)
            return entry if isinstance(entry, tuple) else (entry, {}, b"{}")
        lines = [json.loads(line) for line in body.splitlines()]
        if any("poison" in line for line in lines):
            return 400, {}, b'{"code":"invalid_body"}'
        duplicates = sum(line["uuid"] in self.records for line in lines)
        self.records.update((line["uuid"], line) for line in lines)
        return 201, {}, json.dumps({"accepted": len(lines) - duplicates, "duplicates": duplicates}).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
