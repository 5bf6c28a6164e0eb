// Writes the startup file atomically. Helper threads only: it blocks on the disk.
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "render.h"
#include "text.h"

#define PATH_BYTES 4096 // Linux's PATH_MAX, which realpath() fills at most

static int fail(char *err, size_t size, const char *what, const char *path)
{
	int e = errno ? errno : EIO;

	snprintf(err, size, "%s %s: %s", what, path, strerror(e));
	return -e;
}

// NULL: there is none.
static const char *first_error(const struct diag_list *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->items[i].severity == DIAG_ERROR)
			return d->items[i].message;
	return NULL;
}

// The text must give the same configuration when it is read: else the next start would be another
// gateway.
static int read_back(const struct config *c, const struct text *t, char *err, size_t err_size)
{
	struct config *again = NULL;
	struct diag_list diags;
	int ret = load_text("startup-config", t->data, t->len, &again, &diags);
	const char *why = first_error(&diags);

	if (ret == 0 && !config_equal(c, again))
		ret = -EINVAL;
	if (ret < 0)
		snprintf(err, err_size, "the configuration cannot be read back: %s",
		         why ? why : "it would not be the same");
	diag_fini(&diags);
	config_free(again);
	return ret;
}

static int write_all(int fd, const struct text *t)
{
	size_t done = 0;

	while (done < t->len) {
		ssize_t n = write(fd, t->data + done, t->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const char *path, const struct text *t, char *err, size_t err_size)
{
	int fd, e;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, err_size, "cannot write", path);
	e = write_all(fd, t);
	if (close(fd) < 0)
		e = e ? e : -errno;
	if (!e)
		return 0;
	errno = -e;
	e = fail(err, err_size, "cannot write", path);
	unlink(path);
	return e;
}

// The rename is on disk when the directory is.
static void sync_directory(const char *path)
{
	char copy[PATH_BYTES];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

// The file as it is, under the other name; what had that name goes when this is there. 0, also
// where there is no file yet.
static int keep_old(const char *path, const char *backup)
{
	char next[PATH_BYTES], unused[8];
	struct text old = {0};
	int e;

	if ((size_t)snprintf(next, sizeof(next), "%s.new", backup) >= sizeof(next))
		return -ENAMETOOLONG;
	unlink(next);
	e = link(path, next) < 0 ? -errno : 0;
	if (e == -ENOENT)
		return 0;
	if (e == -EPERM || e == -EOPNOTSUPP || e == -ENOSYS) { // a file system without links
		e = startup_read(path, &old);
		if (!e && old.failed)
			e = -ENOMEM;
		if (!e)
			e = write_file(next, &old, unused, sizeof(unused));
		text_fini(&old);
	}
	if (!e && rename(next, backup) < 0)
		e = -errno;
	unlink(next); // also there still if both are the same file
	return e;
}

static int replace_file(const char *path, const struct text *t, char *err, size_t err_size)
{
	char fresh[PATH_BYTES], backup[PATH_BYTES];
	int e;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh) ||
	    (size_t)snprintf(backup, sizeof(backup), "%s.bak", path) >= sizeof(backup)) {
		errno = ENAMETOOLONG;
		return fail(err, err_size, "cannot write", "startup-config");
	}
	e = write_file(fresh, t, err, err_size);
	if (e)
		return e;
	e = keep_old(path, backup);
	if (e) {
		errno = -e;
		e = fail(err, err_size, "cannot keep the old file as", backup);
		unlink(fresh);
		return e;
	}
	if (rename(fresh, path) < 0) {
		e = fail(err, err_size, "cannot replace", path);
		unlink(fresh);
		return e;
	}
	chmod(backup, 0600); // secrets; it may have been readable before
	sync_directory(path);
	return 0;
}

int startup_save(const char *path, const struct config *c, char *err, size_t err_size)
{
	char real[PATH_BYTES];
	struct text t = {0};
	int e = render_config(c, &t);

	if (e || t.failed) {
		errno = ENOMEM;
		e = fail(err, err_size, "cannot render", "the configuration");
	} else {
		e = read_back(c, &t, err, err_size);
	}
	// A link to the file stays a link.
	if (!e)
		e = replace_file(realpath(path, real) ? real : path, &t, err, err_size);
	text_fini(&t);
	return e;
}

int startup_read(const char *path, struct text *out)
{
	char block[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		text_put(out, block, n);
	n = ferror(f) ? EIO : 0;
	fclose(f);
	return -(int)n;
}
