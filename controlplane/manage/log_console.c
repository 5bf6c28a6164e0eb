// Writes log lines to the console without ever waiting for who reads there. Log writer's thread.
// Must not change how standard error itself behaves: the shell that started us has the same one.
#include "log_console.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void log_console_open(struct log_console *c)
{
	struct stat st;

	*c = (struct log_console){.fd = -1};
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	c->is_socket = S_ISSOCK(st.st_mode);
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
		c->fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	c->anew = c->fd >= 0;
	// A file opened anew would be written over from its start. A pipe of somebody else's, which
	// we may not open, takes a line whole if it has room at all (PIPE_BUF); a terminal like
	// that might have to be waited for, and gets nothing.
	if (!c->anew && !S_ISCHR(st.st_mode))
		c->fd = STDERR_FILENO;
}

void log_console_close(struct log_console *c)
{
	if (c->anew)
		close(c->fd);
	*c = (struct log_console){.fd = -1};
}

static ssize_t give(const struct log_console *c, const char *data, size_t len)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return 0;
	return c->is_socket ? send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL)
	                    : write(c->fd, data, len);
}

bool log_console_flush(struct log_console *c)
{
	ssize_t n = c->done < c->len ? give(c, c->rest + c->done, c->len - c->done) : 0;

	if (n > 0)
		c->done += (size_t)n;
	return c->done == c->len;
}

void log_console_put(struct log_console *c, const char *line)
{
	bool room = log_console_flush(c);

	if (room) {
		c->len = (size_t)snprintf(c->rest, sizeof(c->rest), "%s\n", line);
		c->done = 0;
		(void)log_console_flush(c);
		room = c->done > 0;
		if (!room)
			c->len = 0;
	}
	if (room)
		c->lines++;
	else
		c->lost++;
}
