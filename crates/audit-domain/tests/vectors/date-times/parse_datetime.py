"""Makes parse-datetime.json: texts, and what Django makes of them. Run with Django 5.2 on Python 3.11 or later.

Left out are parts of a second in offsets, and digits that are not ASCII's, which this server does not read; and fractions
without seconds, and blanks in front of the offset of a form that is Python's own, of which it reads more than it says.
"""

import datetime
import json
import random
import re
import sys

from django.utils.dateparse import parse_datetime

random.seed(20261128)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
DATES = ["2023-10-16", "20231016", "2023-1-2", "2024-02-29", "2023-02-29", "2023-13-01", "0001-01-01", "9999-12-31", "2023-10-1",
         "23-10-16", "2023-1016", "202310-16", "1969-12-31"]
SEPARATORS = ["T", " ", "t", "_", "  ", "", "x", "é", "-", "+"]
TIMES = ["09:00:00", "09:00", "09", "0900", "090000", "9:0", "9:5:7", "23:59:59", "24:00", "09:60", "09:00:60", "9"]
FRACTIONS = ["", ".5", ",5", ".929094", ".9290945", ".123456789", ".123456789012", ".x", ".000000"]
OFFSETS = ["", "Z", "z", "+03", "-0330", "+05:45", "+00", " +03", "  -03:00", " Z", "+3", "+24", "+23:59", "+03:", "+03:0", "+030",
           "+03:00:30", "+030030", "-00:00", "+03:00Z", "ZZ", " 03:00", "+03 "]


def answer(text):
    try:
        found = parse_datetime(text.strip())
        if found is None:
            return None
        found = found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)
        micros = (found - EPOCH) // datetime.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    return micros if -62_135_596_800_000_000 <= micros <= 253_402_300_799_999_999 else None


texts = {date + separator + time + fraction + offset
         for date in DATES[:4] for separator in SEPARATORS[:3] for time in TIMES for fraction in FRACTIONS[:3] for offset in OFFSETS[:5]}
texts |= {"".join(map(random.choice, (DATES, SEPARATORS, TIMES, FRACTIONS, OFFSETS))) for _ in range(6000)}
texts |= set(DATES) | {"2023-10", "2023", "", "now"}
HAS_SECONDS = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}[.,]|[^\d]\d{6}[.,]|^[^.,]*$")
DJANGO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{1,2}(:\d|\s)")
texts = {text for text in texts if text == text.strip() and HAS_SECONDS.search(text[4:])
         and (DJANGO.match(text) or not re.search(r"\s[-+Z]", text[8:]))
         and not re.search(r"[+-]\d\d:?\d\d:?\d\d[.,]", text[10:])}
texts = sorted(texts)
found = [[text, answer(text)] for text in texts]
taken = [pair for pair in found if pair[1] is not None]
refused = random.sample([pair for pair in found if pair[1] is None], 1200)
rows = sorted(taken + refused)
print("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")
