"""A hub of ours on the loopback: hub.py FOLDER. FOLDER/OWNER/NAME/... are repositories, FOLDER/files/... are files with a URL.

Two ports, written as "HUB CDN" into FOLDER.ports: the hub sends what is no .json elsewhere, as the real one does. Every request is a
line of FOLDER.log: port, method, path, range and token. The owner of a repository says what goes wrong with it (see below).
"""

import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

root = sys.argv[1]
secret = "hf_secret"
seen = {}  # how often a file was asked for
lock = threading.Lock()
PART = 3000  # bytes before a cut


def commit_of(repo):
    digest = hashlib.sha1()
    for folder, folders, names in os.walk(repo):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            digest.update(os.path.relpath(path, repo).encode() + b"\0" + open(path, "rb").read())
    return digest.hexdigest()


def etag_of(content, large):
    if large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *_):
        pass

    def note(self):
        kind = "hub" if self.server.server_port == ports[0] else "cdn"
        words = (kind, self.command, self.path, self.headers.get("Range", "-"), self.headers.get("Authorization", "-"))
        with lock:
            with open(root + ".log", "a") as log:
                log.write(" ".join(words) + "\n")
            key = (kind, self.command, self.path)
            seen[key] = seen.get(key, 0) + 1
            return seen[key]

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def cut(self):
        self.close_connection = True
        self.wfile.flush()

    def do_HEAD(self):
        self.handle_any()

    def do_GET(self):
        self.handle_any()

    def handle_any(self):
        times = self.note()
        path = unquote(urlsplit(self.path).path).strip("/")
        parts = path.split("/")
        try:
            if parts[0] == "files":
                self.content(os.path.join(root, path), parts[1], times)
            elif parts[:2] == ["api", "models"]:
                self.listing(os.path.join(root, *parts[2:4]), parts[2], times)
            elif parts[0] == "cdn":
                self.content(os.path.join(root, *parts[1:]), parts[1], times)
            else:
                self.resolve(parts, times)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def listing(self, repo, owner, times):
        if owner == "hiccup" and times == 1:
            return self.answer(503)
        names = sorted(os.path.relpath(os.path.join(d, n), repo) for d, _, all in os.walk(repo) for n in all)
        if not names:
            return self.answer(404, [("X-Error-Code", "RepoNotFound")])
        body = json.dumps({"sha": commit_of(repo), "siblings": [{"rfilename": name} for name in names]})
        self.answer(200, [], body.encode())

    def resolve(self, parts, times):
        owner, name, _, revision = parts[:4]
        file = "/".join(parts[4:])
        repo = os.path.join(root, owner, name)
        token = self.headers.get("Authorization")
        if owner == "moved":
            return self.answer(307, [("Location", "/normal/" + "/".join(parts[1:]))])
        if owner == "renamed":
            return self.answer(301, [("Location", f"http://127.0.0.1:{ports[0]}/normal/" + "/".join(parts[1:]))])
        if owner == "loop":
            return self.answer(307, [("Location", "/" + "/".join(parts))])
        if owner == "gated":
            return self.answer(403, [("X-Error-Code", "GatedRepo"), ("X-Error-Message", "Access is restricted.")])
        if owner == "down":
            return self.answer(503)
        if owner == "busy" and times == 1:
            return self.answer(429, [("Retry-After", "1")])
        if owner == "crowded":
            return self.answer(429, [("Retry-After", "900")])
        if owner == "elsewhere":
            return self.answer(302, [("Location", f"http://127.0.0.1:{ports[1]}/normal/r/resolve/main/{file}")])
        if owner == "private" and token != "Bearer " + secret or not os.path.isdir(repo) and not token:
            return self.answer(401, [("X-Error-Code", "RepoNotFound"), ("X-Error-Message", "Invalid username or password.")])
        if not os.path.isdir(repo):
            return self.answer(404, [("X-Error-Code", "RepoNotFound"), ("X-Error-Message", "Repository not found")])
        commit = commit_of(repo)
        if revision not in ("main", commit):
            return self.answer(404, [("X-Error-Code", "RevisionNotFound")])
        path = os.path.join(repo, file)
        if not os.path.isfile(path):
            return self.answer(404, [("X-Error-Code", "EntryNotFound"), ("X-Repo-Commit", commit)])
        self.found(path, owner, commit, times)

    def found(self, path, owner, commit, times):
        content = open(path, "rb").read()
        large = not path.endswith(".json")
        etag = '"%s"' % etag_of(content, large)
        if owner == "odd":
            etag = '"../../../../escape"'
        if owner == "nameless":
            etag = 'W/"v1-abc"'
        headers = [] if owner == "nocommit" else [("X-Repo-Commit", commit)]
        if large:
            place = f"http://127.0.0.1:{ports[1]}/cdn/{os.path.relpath(path, root)}"
            headers += [("X-Linked-Size", str(10**15 if owner == "huge" else len(content))), ("X-Linked-Etag", etag), ("ETag", '"not-this"'), ("Location", place)]
            return self.answer(302, headers, b"Found. Redirecting.")
        if self.command == "HEAD":
            return self.answer(200, headers + [("ETag", etag), ("Content-Length", str(len(content)))])
        self.content(path, owner, times, headers + [("ETag", etag)])

    def content(self, path, owner, times, headers=()):
        """The bytes of a file, or what goes wrong with them."""
        headers = list(headers)
        if not os.path.isfile(path):
            return self.answer(404)
        content = open(path, "rb").read()
        size = len(content)
        asked = self.headers.get("Range")
        first = int(asked.split("=")[1].split("-")[0]) if asked else 0
        if owner == "expired":
            return self.answer(403)
        if owner == "wait" and times == 1:
            return self.answer(429, [("Retry-After", "1")])
        if owner == "hiccup" and times == 1:
            return self.answer(503)
        if owner == "damaged":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if owner == "norange" and times > 1:
            asked, first = None, 0
        if owner == "never" or asked and (owner == "unsatisfied" or first >= size):
            return self.answer(416, [("Content-Range", f"bytes */{size}")])
        body = content[first:]
        total = size + 10 if owner == "total" else size
        if owner == "shift" and asked:
            first -= 1
        if asked:
            headers += [("Content-Range", f"bytes {first}-{size - 1}/{total}")]
        if owner == "longer":
            headers += [("Connection", "close"), ("Content-Length", None)]
            body += b"more"
        else:
            headers += [("Content-Length", str(len(body) + total - size))]
        self.send_response(206 if asked else 200)
        for name, value in headers:
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if owner == "longer":
            self.wfile.write(body)
            return self.cut()
        if owner in ("cut", "norange", "unsatisfied", "shift") and not (owner == "norange" and times > 1):
            if owner != "unsatisfied" or times == 1:
                self.wfile.write(body[:PART])
                return self.cut()
        if owner == "shorter":
            self.wfile.write(body[: min(len(body), max(0, size // 2 - first))])
            return self.cut()
        if owner == "drip":
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                time.sleep(0.2)
            return None
        if owner == "slow":
            for at in range(0, len(body), 10000):
                self.wfile.write(body[at : at + 10000])
                time.sleep(0.05)
            return None
        return self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


servers = [Server(("127.0.0.1", 0), Hub) for _ in range(2)]
ports = [server.server_port for server in servers]
threading.Thread(target=servers[1].serve_forever, daemon=True).start()
with open(root + ".ports.new", "w") as out:
    out.write("%d %d\n" % tuple(ports))
os.rename(root + ".ports.new", root + ".ports")
servers[0].serve_forever()
