// Writes log lines to a file. Log writer's thread. Must not be called with a lock held: a disk may
// take long, and a server that is away for ever.
#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BATCH_BYTES (64 << 10) // written at once
#define FILE_MODE   0640

static void fd_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static void open_again(struct log_file *f)
{
	fd_close(f);
	f->error[0] = '\0';
	if (!f->path[0])
		return;
	// A pipe that nobody reads must not be waited for.
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	             FILE_MODE);
	if (f->fd < 0 || fstat(f->fd, &f->stat) < 0) {
		snprintf(f->error, sizeof(f->error), "%s", strerror(errno));
	} else if (S_ISFIFO(f->stat.st_mode) || S_ISSOCK(f->stat.st_mode)) {
		snprintf(f->error, sizeof(f->error), "It is a pipe, not a file");
		fd_close(f);
	}
}

void log_file_open(struct log_file *f, const char *path)
{
	snprintf(f->path, sizeof(f->path), "%s", path);
	open_again(f);
}

void log_file_close(struct log_file *f)
{
	fd_close(f);
	text_fini(&f->batch);
}

void log_file_follow(struct log_file *f)
{
	struct stat st;

	if (!f->path[0])
		return;
	if (f->fd < 0 || stat(f->path, &st) < 0 || st.st_ino != f->stat.st_ino ||
	    st.st_dev != f->stat.st_dev)
		open_again(f);
}

void log_file_flush(struct log_file *f)
{
	struct text *b = &f->batch;
	size_t done = 0;

	while (f->fd >= 0 && done < b->len) {
		ssize_t n = write(f->fd, b->data + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(f->error, sizeof(f->error), "%s", strerror(errno));
			break;
		}
		done += (size_t)n;
	}
	if (done && done == b->len)
		f->error[0] = '\0';
	b->len = 0;
	b->failed = false;
}

void log_file_put(struct log_file *f, const char *line)
{
	if (f->fd < 0)
		return;
	text_put(&f->batch, line, strlen(line));
	text_put(&f->batch, "\n", 1);
	f->lines++;
	if (f->batch.len >= BATCH_BYTES)
		log_file_flush(f);
}
