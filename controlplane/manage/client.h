// The program `vigil`: what its parts share. One thread.
#ifndef VIGIL_MANAGE_CLIENT_H
#define VIGIL_MANAGE_CLIENT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "frame.h"
#include "screen.h"

struct client {
	int fd;
	struct frame_reader in;
	bool tty; // a person types: editing, prompts, paging
	char prompt[256];
	uint16_t length, width; // of FRAME_PROMPT
	bool prompted;          // the server waits for a line
	bool failed;            // the last command
	bool ever_failed;
	bool closed; // the session is over
	bool left;   // ... because a command said so
	bool shows;  // the command that runs: what comes after Ctrl-C is not wanted
	struct screen screen;
	struct filter filter;                                        // of the command that runs
	void (*log)(struct client *c, const char *text, size_t len); // log lines arrived
	void *editor;
};

extern volatile sig_atomic_t client_interrupted; // Ctrl-C was pressed

// Sleeps until one of n is ready. False: Ctrl-C was pressed, now or since client_interrupted was
// cleared; a signal between a look at that and the sleep is not missed.
bool client_poll(struct pollfd *p, size_t n);
// Sends one frame; c->closed when the server has gone.
void client_send(struct client *c, enum frame_type type, const char *data, size_t len);
// Reads what has come and handles frames; those of `wanted` (0 = none) are left in *f and 1 is
// returned. 0: all was handled. The socket must be readable, or nothing is read.
int client_handle(struct client *c, enum frame_type wanted, struct frame *f);
// Waits for a frame of this type, handling others. False: the session is over.
bool client_wait(struct client *c, enum frame_type type, struct frame *f);
// Lines are the text of a banner: no commands, and without filters.
bool client_takes_text(const struct client *c);
// Gives that text up.
void client_end_text(struct client *c);
// Runs one line, with a `| include RE` at its end taken off, until the next prompt.
void client_run(struct client *c, const char *line);

// client_edit.c: reads lines from the terminal until the end.
int client_edit(struct client *c);

#endif
