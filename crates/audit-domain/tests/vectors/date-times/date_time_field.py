"""Makes date-time-field.json: values, what the DateTimeField of Django REST framework makes of them, and where this project differs.

Run with Django REST framework 3.18, Django 5.2 and Python 3.11. `drf` is microseconds since the epoch, "invalid" ("Datetime has wrong
format. …"), "overflow" ("Datetime value out of range.") or "null". Where the published APIs (`published`) or the native API (`native`)
answer otherwise, `why` says the reason.
"""

import datetime
import json

import django
from django.conf import settings

settings.configure(USE_TZ=True, TIME_ZONE="UTC", INSTALLED_APPS=[])
django.setup()

from rest_framework.exceptions import ValidationError  # noqa: E402
from rest_framework.fields import DateTimeField  # noqa: E402

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
NINE = 1_697_446_800_000_000

# What both read, or refuse, in the same way.
SAME = [
    "2023-10-16T09:00:00.929094Z", "2023-10-16T09:00:00Z", "2023-10-16 09:00:00Z", "2023-10-16t09:00:00Z", "2023-10-16_09:00:00Z",
    "2023-10-16é09:00:00Z", "2023-10-16T09:00Z", "2023-10-16T09Z", "2023-10-16T09", "2023-10-16 09:00", "2023-10-16T09:00:00",
    "2023-10-16 09:00:00.929094+00", "2023-10-16T12:00:00+03", "2023-10-16T12:00:00+0300", "2023-10-16T12:00:00+03:00",
    "2023-10-16T01:30:00-07:30", "2023-10-16T09:00:00-00:00", "2023-10-16T12:00:15+03:00:15", "2023-10-16T12:00:15+030015",
    "2023-10-16T09:00:00+23:59", "2023-10-16T09:00:00-23:59", "2023-10-16T09:00:00+24:00", "2023-10-16T09:00:00+3",
    "2023-10-16T09:00:00+03:0", "2023-10-16T09:00:00+03:00Z", "2023-10-16T09:00:00 +03:00", "2023-10-16T09:00:00  Z",
    "2023-10-16T09:00:00 ", "2023-10-16T09:00:00Z\n", " 2023-10-16T09:00:00Z", "2023-10-16T09:00:00Z ",
    "2023-10-16T09:00:00.9Z", "2023-10-16T09:00:00.92Z", "2023-10-16T09:00:00.929Z", "2023-10-16T09:00:00.9290Z",
    "2023-10-16T09:00:00.92909Z", "2023-10-16T09:00:00.9290949Z", "2023-10-16T09:00:00.929094999Z",
    "2023-10-16T09:00:00.9290941234567890Z", "2023-10-16T09:00:00,929Z", "2023-10-16T09:00:00.",
    "20231016T090000Z", "20231016T090000.5Z", "2023-10-16T090000Z", "20231016T09:00:00Z", "20231016T0900", "2023-1016T09:00",
    "202310-16T09:00", "2023-1-2 3:4:5", "2023-1-2 3:4:5.5 +03:00", "2023-1-2T3:4", "2023-10-16T9:00:00Z", "2023-1-2",
    "2023-10-16", "20231016", "2023-10-16 ", "2023-10-16T", "2023-10", "2023", "2023-289", "2023289",
    "2023-W42-1", "2023-W42", "2023W421", "2023W42", "2023-W42-3T09:00:00Z", "2023W42T09", "2023-W53-1", "2023-W42-8", "2023-W42-0",
    "2024-02-29", "2023-02-29", "2023-13-01", "2023-10-16T24:00:00Z", "2023-10-16T09:60:00Z", "2023-10-16T09:00:60Z",
    "2016-12-31T23:59:60Z", "0001-01-01", "9999-12-31T23:59:59.999999Z", "0000-01-01", "10000-01-01", "-0001-01-01", "+2023-10-16",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-W52-7",
    "2023/10/16 09:00", "16.10.2023 09:00", "10/16/2023", "Mon, 16 Oct 2023 09:00:00 GMT", "Mon Oct 16 09:00:00 2023",
    "2023-10-16T09:00:00 UTC", "2023-10-16T09:00:00+03:00[Europe/Istanbul]", "2023-10-16T09:00:00−03:00", "2023-10-16 09:00:00 AM",
    "now", "", "1697446800", True, [], {},
]

UNIT = "seconds since 1970 have 9 or 10 digits, milliseconds 12 or 13: the number says which"
UNCLEAR = "a number without a clear unit has an error of its own at the native API"
SLIP = "a slip of Python's parser: "
ZONE = "no zone has such an offset, so the time would be one that nobody meant"
REFUSED = {"published": "invalid", "native": "invalid"}

DIFFERENT = [
    (None, {"published": "absent", "native": "absent"}, "a null member is the same as an absent one: the time is that of the request"),
    ("2023-10-16T09:00:00z", {"native": NINE}, "RFC 3339 allows a lower-case z, and it can mean nothing else"),
    (1697446800, {"native": NINE}, UNIT),
    (1697446800.5, {"native": NINE + 500_000}, UNIT),
    (1697446800929, {"native": NINE + 929_000}, UNIT),
    (0, {"native": "unclear"}, UNCLEAR),
    (10_000_000_000, {"native": "unclear"}, UNCLEAR),
    (1697446800000000, {"native": "unclear"}, UNCLEAR),
    ("1612011000000", {"native": "invalid"}, "milliseconds of 2021 in a string: Python takes the fifth zero for the separator, and reads 1612"),
    ("2023-10-16T09:00:00xZ", REFUSED, SLIP + "it skips one character in front of the zone"),
    ("2023-10-16T09 Z", REFUSED, SLIP + "it skips one character in front of the zone"),
    ("2023-10-16T09:00:00.Z", REFUSED, SLIP + "it takes the point for that character"),
    ("2023-10-16T09:00:00:5Z", REFUSED, SLIP + "it takes a third colon for a point"),
    ("2023-10-16T09.5Z", REFUSED, "Python reads half a second past nine, and ISO 8601 half past nine"),
    ("2023-10-16T09:00.5Z", REFUSED, "Python reads half a second past nine, and ISO 8601 half a minute"),
    ("2023-10-16T09:00:00+03:60", REFUSED, ZONE),
    ("2023-10-16T09:00:00+00:00:01.5", REFUSED, ZONE),
    ("2023-10-16T09:00:00+03.5", REFUSED, "Python reads three hours and half a second, and others three and a half hours"),
    ("２０２３-10-16 09:00", REFUSED, "digits of other scripts look like others: ٥ is an Arabic 5 and resembles a 0"),
]


def answer(value):
    try:
        return (DateTimeField().run_validation(value) - EPOCH) // datetime.timedelta(microseconds=1)
    except ValidationError as error:
        return error.detail[0].code


rows = [{"value": value, "drf": answer(value)} for value in SAME]
rows += [{"value": value, "drf": answer(value), **others, "why": why} for value, others, why in DIFFERENT]
assert all(row["drf"] != row[api] for row in rows for api in ("published", "native") if api in row)
print("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")
