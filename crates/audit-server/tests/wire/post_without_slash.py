"""The clients that people use, with a POST to a path that lacks its slash: python3 post_without_slash.py URL KEY.

Prints one line for each client: its name, the status it ended with, and the method of its last request."""

import asyncio
import json
import sys
import urllib.error
import urllib.request

import aiohttp
import httpx
import requests

url, key = sys.argv[1:]
path = url + "/api/v1/oms/settings/audit_events"
headers = {"Authorization": "Token " + key, "Content-Type": "application/json"}


def event(name):
    return {"action": name}


def say(name, status, method):
    print(name, status, method)


answer = requests.post(path, json=event("requests"), headers=headers)
say("requests", answer.status_code, answer.request.method)

with requests.Session() as session:
    answer = session.post(path + "?a=b", json=event("session"), headers=headers)
    say("session", answer.status_code, answer.request.method)

answer = httpx.post(path, json=event("httpx"), headers=headers)
say("httpx", answer.status_code, answer.request.method)

answer = httpx.post(path, json=event("httpx-follows"), headers=headers, follow_redirects=True)
say("httpx-follows", answer.status_code, answer.request.method)

request = urllib.request.Request(path, json.dumps(event("urllib")).encode(), headers)
try:
    answer = urllib.request.urlopen(request)
    say("urllib", answer.status, request.get_method())
except urllib.error.HTTPError as error:
    say("urllib", error.code, request.get_method())


async def with_aiohttp():
    async with aiohttp.ClientSession() as session:
        async with session.post(path, json=event("aiohttp"), headers=headers) as answer:
            say("aiohttp", answer.status, answer.method)


asyncio.run(with_aiohttp())
