// What the client `vigil` and the daemon say to each other over a Unix stream socket: frames of
// {type, length, data}. Neither side trusts the other's lengths.
//
//   client: hello; then, whenever it has been prompted, a line, or a question about one. An
//           interrupt may come at any time; it ends a running command.
//   server: text and errors while a command runs, then a prompt. Log lines may come at any time.
#ifndef VIGIL_MANAGE_FRAME_H
#define VIGIL_MANAGE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_type {
	// from the client
	FRAME_HELLO = 'H',     // u8: enum frame_hello flags
	FRAME_LINE = 'L',      // a command; behind a newline the filter that was cut off
	FRAME_COMPLETE = 'C',  // the line so far: answered by FRAME_WORDS
	FRAME_HELP = '?',      // the line so far: answered by FRAME_HELP
	FRAME_INTERRUPT = 'I', // stop the command; a text that is typed: answered by FRAME_PROMPT
	FRAME_SECRET = 'S',    // the answer to FRAME_ASK
	// from the server
	FRAME_TEXT = 'T',   // output of the command
	FRAME_ERROR = 'E',  // what it says because it failed: no filter hides it
	FRAME_LOG = 'D',    // log lines
	FRAME_PROMPT = 'P', // u8 status (0 = ok), u16 terminal length (0 = no paging) and width (0
	                    // = no end; 0xffff = the terminal's own), the prompt's text, which is
	                    // empty while lines are the text of a banner
	FRAME_ASK = 'A',    // asks for a secret: the question
	FRAME_WORDS = 'W',  // words, one a line
	FRAME_BYE = 'B',    // the session is over: why, or nothing where a command asked for it
};

// What a client says of itself.
enum frame_hello {
	FRAME_HELLO_SCRIPT = 1, // commands from its own arguments: wants privileged mode
	FRAME_HELLO_TTY = 2,    // a person sees prompt and line above an error
};

#define FRAME_HEADER       4 // type, length (24 bits, network order)
#define FRAME_CLIENT_MAX   8192
#define FRAME_SERVER_MAX   65536
#define FRAME_SIZE_OWN     0xffff
#define FRAME_PROMPT_FIXED 5 // bytes before the prompt's text

struct frame {
	uint8_t type;
	uint32_t len;
	const uint8_t *data; // into the reader's buffer, until the next frame_read()
};

struct frame_reader {
	uint8_t *buffer;
	size_t size; // header and longest frame
	size_t used, taken;
};

// `max` is the longest frame's data. 0 or -ENOMEM.
int frame_reader_init(struct frame_reader *r, size_t max);
void frame_reader_fini(struct frame_reader *r);
// One read() of the descriptor. 0, -EAGAIN (nothing there), -EPIPE (the other side is gone), or the
// error of read.
int frame_read(struct frame_reader *r, int fd);
// The next whole frame: 1; 0 = there is none yet; -EPROTO = longer than allowed.
int frame_next(struct frame_reader *r, struct frame *f);
// Writes a frame's header.
void frame_header(uint8_t header[FRAME_HEADER], enum frame_type type, size_t len);

#endif
