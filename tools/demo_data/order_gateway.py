#!/usr/bin/env python3
"""A small web order gateway, as a broker has one, for tools/demo: nothing but Python's standard library.

    order_gateway.py ACCOUNTS.json PORT_FILE

It listens on a free port of this machine and writes it to PORT_FILE. ACCOUNTS.json is {"account": "password"}; what it
keeps is a salt and PBKDF2 of each. It knows nothing of Stockade.

    POST /login     account=…&password=…   303 to /portfolio, with a session cookie and, for a browser it has not seen, a
                                           device cookie · 401 wrong account or password · 423 the account is locked
    POST /order     symbol=…&quantity=…    201 with a session · 401 without
    GET  /figures   what it did, as JSON: for the demo; nginx passes only the two above

Five wrong passwords in a row lock an account for half an hour: its own defence against guessing, and what the attackers
of this demo turn against its customers. While it is locked no password is checked, not even the right one.
"""
import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

WRONG_PASSWORDS_MAX = 5
LOCK_SECONDS = 30 * 60
HASH_ROUNDS = 2_000  # few, so that the demo shows the gate and not the arithmetic of its machine
BODY_BYTES_MAX = 4096


def hashed(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, HASH_ROUNDS)


class Account:
    def __init__(self, password):
        self.salt = os.urandom(16)
        self.hash = hashed(password, self.salt)
        self.wrong_in_a_row = 0
        self.locked_until = 0.0


class Accounts:
    """All accounts, their locks and sessions, and how often what happened. Any thread."""

    def __init__(self, passwords):
        self.accounts = {name: Account(password) for name, password in passwords.items()}
        self.nobody = Account(secrets.token_hex())  # an unknown account costs the same time
        self.sessions = {}
        self.lock = threading.Lock()
        self.counts = dict.fromkeys(
            ["arrived", "checked", "wrong", "logged_in", "refused_locked", "locks", "orders", "orders_refused"], 0)

    def count(self, *names):
        for name in names:
            self.counts[name] += 1

    def log_in(self, name, password):
        """An HTTP status, and the session where it is 303."""
        account = self.accounts.get(name, self.nobody)
        with self.lock:
            self.count("arrived")
            if account.locked_until > time.monotonic():
                self.count("refused_locked")
                return 423, None
            self.count("checked")
        right = hmac.compare_digest(hashed(password, account.salt), account.hash)  # outside the lock: it takes time
        with self.lock:
            if right and account is not self.nobody:
                account.wrong_in_a_row = 0
                session = secrets.token_urlsafe(16)
                self.sessions[session] = name
                self.count("logged_in")
                return 303, session
            self.count("wrong")
            account.wrong_in_a_row += 1
            if account.wrong_in_a_row >= WRONG_PASSWORDS_MAX and account is not self.nobody:
                account.wrong_in_a_row = 0
                account.locked_until = time.monotonic() + LOCK_SECONDS
                self.count("locks")
            return 401, None

    def order(self, session):
        with self.lock:
            served = session in self.sessions
            self.count("orders" if served else "orders_refused")
            return served

    def figures(self):
        with self.lock:
            now = time.monotonic()
            locked = [name for name, account in self.accounts.items() if account.locked_until > now]
            return {**self.counts, "locked_now": sorted(locked)}


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    accounts = None

    def log_message(self, *_):
        pass

    def answer(self, status, value=None, headers=()):
        body = json.dumps(value).encode() + b"\n" if value is not None else b""
        self.send_response(status)
        self.send_header("X-Answered-By", "order gateway")
        for name, text in headers:
            self.send_header(name, text)
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cookie(self, wanted):
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted:
                return value
        return ""

    def do_GET(self):
        if self.path == "/figures":
            self.answer(200, self.accounts.figures())
        else:
            self.answer(404, {"error": "not_found"})

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            self.answer(413, {"error": "too_large"})
            return
        form = parse_qs(self.rfile.read(length).decode("utf-8", "replace"))
        if self.path == "/login":
            self.log_in(form)
        elif self.path == "/order":
            if self.accounts.order(self.cookie("session")):
                self.answer(201, {"order": "placed"})
            else:
                self.answer(401, {"error": "no_session"})
        else:
            self.answer(404, {"error": "not_found"})

    def log_in(self, form):
        status, session = self.accounts.log_in(form.get("account", [""])[0], form.get("password", [""])[0])
        if status == 423:
            self.answer(423, {"error": "account_locked"})
        elif status == 401:
            self.answer(401, {"error": "wrong_password"})
        else:
            cookies = [("Set-Cookie", f"session={session}; Path=/; HttpOnly")]
            if not self.cookie("device"):
                cookies.append(("Set-Cookie", f"device={secrets.token_urlsafe(16)}; Path=/login; Max-Age=31536000"))
            self.answer(303, None, [("Location", "/portfolio"), *cookies])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main():
    accounts_file, port_file = sys.argv[1:3]
    with open(accounts_file, encoding="utf-8") as file:
        Gateway.accounts = Accounts(json.load(file))
    server = Server(("127.0.0.1", 0), Gateway)
    with open(port_file + ".new", "w", encoding="utf-8") as file:
        file.write(f"{server.server_address[1]}\n")
    os.replace(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
