// A startup file -> a configuration. Any thread, but not the control core: it reads a file. Must
// report every error, and must not return a configuration that is half applied.
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "check.h"
#include "commands.h"
#include "secret.h"

// The next line without its end; false at the end of the text. A line that is longer than `size`
// is cut, which the parser refuses because it is too long.
static bool next_line(struct reader *r, char *line, size_t size, bool *nul)
{
	size_t left = reader_left(r), len, keep;
	const void *end = left ? memchr(r->pos, '\n', left) : NULL;
	const uint8_t *text;

	if (left == 0)
		return false;
	len = end ? (size_t)((const uint8_t *)end - r->pos) : left;
	text = reader_take(r, len);
	if (end)
		reader_take(r, 1);
	keep = len < size ? len : size - 1;
	memcpy(line, text, keep);
	*nul = memchr(text, '\0', len) != NULL;
	while (keep && line[keep - 1] == '\r')
		keep--;
	line[keep] = '\0';
	return true;
}

// What `show running-config` and `show startup-config` print in front of the text is often pasted
// along with it.
static bool is_heading(const char *line)
{
	return !strncmp(line, "Building configuration", 22) ||
	       !strncmp(line, "Current configuration", 21) ||
	       (!strncmp(line, "Using ", 6) &&
	        (strstr(line, " out of ") || strstr(line, " bytes, ")));
}

static void load_lines(struct config *c, const char *text, size_t len, struct diag_list *d,
                       struct command_match scratch[2])
{
	struct reader r = reader_make(text, len);
	char line[COMMAND_LINE + 2];
	struct config_cursor cur;
	uint32_t number = 0;
	bool nul, told = false;

	cursor_init(&cur);
	while (next_line(&r, line, sizeof(line), &nul)) {
		number++;
		if (cur.mode == MODE_EXEC) { // behind `end`
			if (!told && line[0] && line[0] != '!')
				diag_add(d, DIAG_WARNING, number, 0, line,
				         "lines behind 'end' are not read");
			told = told || (line[0] && line[0] != '!');
		} else if (nul) {
			diag_add(d, DIAG_ERROR, number, 0, NULL, "the line has a NUL byte in it");
		} else if (!is_heading(line)) {
			cursor_apply(c, &cur, line, number, d, scratch);
		}
	}
	if (cursor_text_end(&cur)[0])
		diag_add(d, DIAG_ERROR, cur.text_line, 0, NULL,
		         "the text of this banner has no end: expected '%s' behind it",
		         cursor_text_end(&cur));
	secret_wipe(line, sizeof(line));
}

// check_config() knows the numbers of lines only; here their text is added for the reader.
static void add_sources(const char *text, size_t len, struct diag_list *d)
{
	struct reader r = reader_make(text, len);
	char line[COMMAND_LINE + 2];
	uint32_t lines = 0, number = 0;
	char **wanted;
	bool nul;

	for (uint32_t i = 0; i < d->n; i++)
		if (!d->items[i].source && d->items[i].line > lines)
			lines = d->items[i].line;
	wanted = calloc((size_t)lines + 1, sizeof(*wanted));
	for (uint32_t i = 0; wanted && i < d->n; i++)
		if (!d->items[i].source && d->items[i].line)
			wanted[d->items[i].line] = d->items[i].message;
	while (wanted && number < lines && next_line(&r, line, sizeof(line), &nul))
		if (wanted[++number])
			wanted[number] = nul || diag_is_secret(line) ? NULL : strdup(line);
	for (uint32_t i = 0; wanted && i < d->n; i++)
		if (!d->items[i].source && d->items[i].line && wanted[d->items[i].line])
			d->items[i].source = strdup(wanted[d->items[i].line]);
	for (uint32_t i = 0; wanted && i <= number; i++)
		free(wanted[i]);
	free(wanted);
}

static int load_into(const char *text, size_t len, struct config **out, struct diag_list *d)
{
	struct command_match *scratch = malloc(2 * sizeof(*scratch));
	struct config *c = config_create();

	*out = NULL;
	if (scratch && c) {
		load_lines(c, text, len, d, scratch);
		secret_wipe(scratch, 2 * sizeof(*scratch));
	}
	free(scratch);
	if (!scratch || !c || config_seal(c)) {
		diag_add(d, DIAG_ERROR, 0, 0, NULL, "out of memory");
		config_free(c);
		return -ENOMEM;
	}
	check_config(c, d);
	add_sources(text, len, d);
	if (d->errors || d->failed) {
		config_free(c);
		return d->failed ? -ENOMEM : -EINVAL;
	}
	*out = c;
	return 0;
}

int load_text(const char *name, const char *text, size_t len, struct config **out,
              struct diag_list *diags)
{
	diag_init(diags, name);
	return load_into(text, len, out, diags);
}

static int read_all(int fd, size_t size, char **out)
{
	char *text = malloc(size ? size : 1);
	size_t done = 0;

	if (!text)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = read(fd, text + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n < 0 ? -errno : -EIO; // it shrank while it was read

			secret_wipe(text, done);
			free(text);
			return err;
		}
		done += (size_t)n;
	}
	*out = text;
	return 0;
}

static bool has_secrets(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_map_entries; i++)
		if (c->map_entries[i].manual)
			return true;
	return c->n_keys || config_enable_hash(c)[0] || c->n_ezvpns;
}

static int load_fd(int fd, struct config **out, struct diag_list *d)
{
	struct stat st;
	char *text = NULL;
	int err = fstat(fd, &st) ? -errno : 0;

	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err && (size_t)st.st_size > LOAD_FILE_MAX)
		err = -EFBIG;
	if (!err)
		err = read_all(fd, (size_t)st.st_size, &text);
	if (err) {
		diag_add(d, DIAG_ERROR, 0, 0, NULL, "cannot be read: %s", strerror(-err));
		return err;
	}
	err = load_into(text, (size_t)st.st_size, out, d);
	secret_wipe(text, (size_t)st.st_size);
	free(text);
	if (!err && (st.st_mode & 077) && has_secrets(*out))
		diag_add(d, DIAG_WARNING, 0, 0, NULL,
		         "the file holds secrets and others can reach it (mode %04o); use chmod "
		         "600",
		         (unsigned)st.st_mode & 07777);
	return err;
}

int load_file(const char *path, struct config **out, struct diag_list *diags)
{
	int fd, err;

	*out = NULL;
	diag_init(diags, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		err = -errno;
		diag_add(diags, DIAG_ERROR, 0, 0, NULL, "cannot be opened: %s", strerror(-err));
		return err;
	}
	err = load_fd(fd, out, diags);
	close(fd);
	return err;
}
