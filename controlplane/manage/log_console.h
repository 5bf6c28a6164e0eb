// The log's console: what standard error leads to, a terminal, a pipe, a socket or a file. The log
// writer's thread alone.
#ifndef VIGIL_MANAGE_LOG_CONSOLE_H
#define VIGIL_MANAGE_LOG_CONSOLE_H

#include "log_writer.h"

struct log_console {
	int fd;    // -1 = none
	bool anew; // it was opened anew, and does not block
	bool is_socket;
	uint64_t lines, lost;
	size_t done, len; // of `rest`: a line that the console has taken in part
	char rest[LOG_STAMPED_MAX + 1];
};

void log_console_open(struct log_console *c);
void log_console_close(struct log_console *c);
// Never waits: a line for which there is no room is lost, one for which there is some is begun.
void log_console_put(struct log_console *c, const char *line);
// Goes on with the line that was begun last. False: there is still no room for all of it.
bool log_console_flush(struct log_console *c);

#endif
