// One terminal: its socket, mode and output. Each session is a thread of its own; a client that
// reads slowly or goes away holds up nobody but it.
#ifndef VIGIL_MANAGE_SESSION_H
#define VIGIL_MANAGE_SESSION_H

#include <sys/types.h>
#include <time.h>

#include "configure.h"
#include "frame.h"
#include "state.h"
#include "text.h"

#define SESSION_HISTORY 20
#define SESSION_USER    33

struct session {
	struct manage *m;
	int fd;
	unsigned vty;
	pid_t pid;
	char user[SESSION_USER];
	bool trusted; // peer is root, or runs as the daemon does
	bool script, tty;
	enum command_mode mode; // MODE_EXEC_USER, MODE_EXEC, or a configuration mode
	uint16_t length, width; // of the terminal, as FRAME_PROMPT says them
	struct frame_reader in;
	struct request_slot *slot;
	struct request *request;
	struct log_tap *tap;    // NULL: does not monitor
	struct text out;        // not sent yet
	_Atomic bool running;   // a command is under way; writer: the session's thread
	_Atomic bool displaced; // to end, so that another one can begin; writer: the listener
	bool interrupted;       // ... and its output is not wanted any more
	bool gone;              // the client is, or is to go
	bool failed;            // the command
	struct command_match *match;
	struct configure edit; // while mode is a configuration mode
	char *history[SESSION_HISTORY];
	unsigned n_history;         // all that were ever typed
	struct timespec started;    // of the day
	_Atomic int64_t last_input; // monotonic seconds; writer: the session's thread
};

// Runs a session on a connected socket until it ends; takes the socket over.
void session_main(struct manage *m, unsigned vty, int fd);

// Output of the command; sent when enough has come together.
void session_printf(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// The command counts as failed; what it prints from here on says why, and passes every filter.
void session_fail(struct session *s);
// Fails, and prints. "% " stands in front, a newline behind.
void session_error(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Sends what has come together. False: interrupted or gone, the command should end.
bool session_flush(struct session *s);
// Ends the session as its client asked for: that is how the client knows it from a broken one.
void session_leave(struct session *s);
// Asks the control core s->request; sends output meanwhile collected first. 0, or -errno after an
// error text, or -EINTR: the command should end.
int session_ask(struct session *s);
// Asks until the end of the list and hands each view on. 0 or as session_ask().
int session_each(struct session *s, void (*fn)(void *arg, const struct view *v, struct text *out),
                 void *arg);
// Starts s->request afresh.
void session_request(struct session *s, enum request_kind kind);
// A secret that is not shown. False: none came.
bool session_secret(struct session *s, const char *question, char *out, size_t size);
// "Router(config)#"
void session_prompt(struct session *s, char *out, size_t size);
// Shows where a line is wrong: the line again if it is not on the screen, and a caret below the
// column (from 1; 0 = none).
void session_point(struct session *s, const char *line, uint32_t column);
// In a configuration mode "do ..." is an EXEC command: the length of the word and its blanks.
unsigned session_do_prefix(const struct session *s, const char *line);
// Log lines come to this terminal, or no longer. 0 or -errno.
int session_monitor(struct session *s, bool on);

// session_help.c
// The words that may complete the line, one a line; what `?` shows at its end.
void session_complete(struct session *s, const char *line, struct text *out);
void session_help(struct session *s, const char *line, struct text *out);

#endif
