#!/usr/bin/python3
"""cli_pty.py VIGIL SOCKET

Types at `vigil` on a terminal and looks at the screen: help at once, completion, the keys of IOS,
passwords without echo, pages, log lines above the line that is being typed. Says what it looks at;
ends with 1 at the first thing that is not there.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

VIGIL, SOCKET = sys.argv[1:3]
CTRL_C, CTRL_U, CTRL_Z = "\x03", "\x15", "\x1a"


class Terminal:
    def __init__(self, rows=24):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(VIGIL, [VIGIL, "-s", SOCKET])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
        self.seen = ""

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            # Steering of the cursor is not looked at.
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))
            return bool(data)
        return True

    def expect(self, pattern, seconds=10):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen, re.S):
            if time.monotonic() > end or not self.read(0.1):
                print("not seen: %r in:\n%s" % (pattern, self.seen))
                sys.exit(1)

    def edited(self):
        """Waits until the program reads keys: the prompt stands there a little earlier, and what is
        typed before is still the terminal's, which does not throw it away for a signal from elsewhere."""
        end = time.monotonic() + 10
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            if time.monotonic() > end:
                print("the terminal still edits lines itself")
                sys.exit(1)
            time.sleep(0.001)

    def lacks(self, pattern):
        self.read(0.3)
        if re.search(pattern, self.seen, re.S):
            print("seen: %r in:\n%s" % (pattern, self.seen))
            sys.exit(1)

    def line(self, text, pattern):
        self.type(text + "\r")
        self.expect(pattern)


def check(text):
    print("== " + text, flush=True)


def other(command):
    subprocess.run([VIGIL, "-s", SOCKET, "-c", command], check=True, stdout=subprocess.DEVNULL)


check("2: prompts, and the enable secret is not shown")
other("configure terminal; enable secret opensesame; end")
t = Terminal()
t.expect("gw>")
t.line("configure terminal", r"% Invalid input detected at '\^' marker\..*gw>")
t.line("enable", "Password: ")
t.line("wrong", "Password: ")
t.line("opensesame", "gw#")
t.lacks("opensesame")

check("help at once, and completion")
t.type("show cr?")
t.expect(r"crypto\s.*gw#show cr$")
t.type("\t")
t.expect(r"ypto $")
t.type("?")
t.expect(r"  session +Crypto sessions.*gw#show crypto $")
t.type("se\t| include current\r")
t.expect(r"\nCrypto session current status\s+gw#")

t.type("show run | ?")
t.expect(r"  begin +Begin with.*  section +Lines that match.*gw#show run \| $")
t.type("sec\t?")
t.expect(r"  LINE +Regular expression.*gw#show run \| section $")

check("the keys: Ctrl-C abandons a line, Ctrl-Z leaves configuration mode")
t.type(CTRL_U + "clear crypto" + CTRL_C)
t.expect(r"\^C\s+gw#$")
t.line("configure terminal", r"gw\(config\)#")
t.line("interface FastEthernet0", r"gw\(config-if\)#")
t.line("mtu 1", r"\n +\^\s+% Invalid input.*gw\(config-if\)#")
t.type("half a li" + CTRL_Z)
t.expect(r"\^Z\s+gw#")

check("Ctrl-C always brings a new prompt: as a signal, and close behind a prompt")
t.edited()
t.type("clear crypto")
t.expect("clear crypto$")
t.seen = ""
os.kill(t.pid, signal.SIGINT)
t.expect(r"^\s+gw#$")
for i in range(200):
    t.line("", r"^\s+gw#$")
    time.sleep(i % 20 * 10e-6)
    t.type("clear crypto" + CTRL_C)
    t.expect(r"\^C\s+gw#$")
t.line("show clock", r"UTC.*gw#$")

check("Ctrl-Z never stops the program: as a signal, and close behind a prompt")
t.line("configure terminal", r"gw\(config\)#$")
t.edited()
t.type("half a li")
t.expect("half a li$")
t.seen = ""
os.kill(t.pid, signal.SIGTSTP)
t.expect(r"^\s+gw#$")
for i in range(200):
    t.line("configure terminal", r"gw\(config\)#$")
    time.sleep(i % 20 * 10e-6)
    t.type("half a li" + CTRL_Z)
    t.expect(r"\^Z\s+gw#$")
t.line("show clock", r"UTC.*gw#$")

check("pages, and going on, and no more")
t.type("show counters all\r")
t.expect(" --More-- ")
t.type(" ")
t.expect(" --More-- ")
t.type("q")
t.expect("gw#$")
t.line("terminal length 0", "gw#$")
t.line("show counters all", r"failovers.*gw#")
t.lacks("--More--")

check("log lines stand above the line that is being typed")
t.line("terminal monitor", "gw#")
t.type("show ver")
t.expect("show ver")
t.seen = ""
other("configure terminal; hostname gw2; hostname gw; end")
t.expect(r"%SYS-5-CONFIG_I: Configured from vty\d+ by \w+\s+gw#show ver$")
t.type("sion\r")
t.expect(r"Vigil IPsec gateway.*gw#")

check("exit ends the session")
other("configure terminal; no enable secret; end")
t.type("exit\r")
os.waitpid(t.pid, 0)
