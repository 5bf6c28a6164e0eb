// Line editing of `vigil` on a terminal, by libedit: history, completion with Tab, `?` at once,
// Ctrl-Z as `end`, log lines above the line that is being typed. One thread.
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "client.h"

#define HISTORY_LINES 200
#define CTRL_C        L'\003'
#define CTRL_Z        L'\032'

struct editor {
	EditLine *el;
	History *history;
	struct client *client;
	int stops;      // a signalfd: Ctrl-Z that came as a signal
	bool editing;   // a line is on the screen
	bool shown;     // Ctrl-C or Ctrl-Z came as a signal: the terminal has shown it
	bool abandoned; // the line is not run
	struct termios terminal;
};

static struct client *client_of(EditLine *el)
{
	struct editor *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	return e->client;
}

static char *prompt(EditLine *el)
{
	return client_of(el)->prompt;
}

// Log lines come while a line is being typed: they go above it, and it is drawn again.
static void log_above(struct client *c, const char *text, size_t len)
{
	struct editor *e = c->editor;

	if (!e->editing) {
		fwrite(text, 1, len, stdout);
		fflush(stdout);
		return;
	}
	printf("\r\033[K");
	fwrite(text, 1, len, stdout);
	fflush(stdout);
	el_set(e->el, EL_REFRESH);
}

// Assembles one character from its bytes. 1, 0 = the end, -1 = not possible.
static int read_character(wchar_t *out)
{
	mbstate_t state = {0};
	char byte;

	for (unsigned i = 0; i < MB_CUR_MAX; i++) {
		size_t n;

		if (read(STDIN_FILENO, &byte, 1) != 1)
			return errno == EINTR ? -1 : 0;
		n = mbrtowc(out, &byte, 1, &state);
		if (n <= 1)
			return 1;
		if (n == (size_t)-1)
			break;
	}
	*out = L'?';
	return 1;
}

// libedit's source of characters: the terminal, and meanwhile the server's frames. libedit shows
// the prompt before it takes the terminal's signals away: Ctrl-C and Ctrl-Z between the two, or
// while a command runs, are signals, and the terminal has thrown away what was typed before them.
static int get_character(EditLine *el, wchar_t *out)
{
	struct signalfd_siginfo stop;
	struct editor *e = NULL;
	struct frame f;

	el_get(el, EL_CLIENTDATA, &e);
	for (;;) {
		struct pollfd p[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
		                      {.fd = e->client->fd, .events = POLLIN},
		                      {.fd = e->stops, .events = POLLIN}};

		if (!client_poll(p, 3)) {
			client_interrupted = 0;
			e->shown = true;
			*out = CTRL_C;
			return 1;
		}
		if (p[2].revents && read(e->stops, &stop, sizeof(stop)) > 0) {
			e->shown = true;
			*out = CTRL_Z;
			return 1;
		}
		if (p[1].revents) {
			client_handle(e->client, 0, &f);
			if (e->client->closed)
				return 0;
		}
		if (p[0].revents)
			return read_character(out);
	}
}

// The typed line up to the cursor.
static size_t line_so_far(EditLine *el, char *out, size_t size)
{
	const LineInfo *l = el_line(el);
	size_t n = (size_t)(l->cursor - l->buffer);

	if (n >= size)
		n = size - 1;
	memcpy(out, l->buffer, n);
	out[n] = '\0';
	return n;
}

// In a text the keys that ask something are what they look like.
static unsigned char insert_key(EditLine *el, int ch)
{
	char key[] = {(char)ch, '\0'};

	return el_insertstr(el, key) ? CC_REFRESH_BEEP : CC_REFRESH;
}

static unsigned char on_help(EditLine *el, int ch)
{
	struct client *c = client_of(el);
	char line[FRAME_CLIENT_MAX], text[FILTER_HELP];
	size_t n = line_so_far(el, line, sizeof(line));
	struct frame f;

	if (client_takes_text(c))
		return insert_key(el, ch);
	printf("?\n");
	if (filter_help(line, text, sizeof(text))) {
		printf("%s\n", text);
		fflush(stdout);
		return CC_REDISPLAY;
	}
	client_send(c, FRAME_HELP, line, n);
	if (!client_wait(c, FRAME_HELP, &f))
		return CC_EOF;
	fwrite(f.data, 1, f.len, stdout);
	printf("\n");
	fflush(stdout);
	return CC_REDISPLAY;
}

// The longest beginning that all words share.
static size_t common(const char *words, size_t len, char *out, size_t size)
{
	const char *first = words, *end = words + len, *w;
	size_t n = strcspn(first, "\n");

	if (n >= size)
		n = size - 1;
	for (w = words; w < end; w += strcspn(w, "\n") + 1) {
		size_t same = 0;

		while (same < n && w[same] == first[same])
			same++;
		n = same;
	}
	memcpy(out, first, n);
	out[n] = '\0';
	return n;
}

static unsigned char insert_word(EditLine *el, const char *words, size_t len, size_t typed)
{
	char word[256];
	size_t n = common(words, len, word, sizeof(word));
	bool only = memchr(words, '\n', len) == words + len - 1;

	if (only && n < sizeof(word) - 1) {
		word[n++] = ' ';
		word[n] = '\0';
	}
	if (n > typed) {
		// The word may have been typed in another case.
		if (typed)
			el_deletestr(el, (int)typed);
		el_insertstr(el, word);
		return CC_REFRESH;
	}
	if (only)
		return CC_REFRESH_BEEP;
	putchar('\n');
	for (size_t i = 0; i < len; i++)
		if (words[i] == '\n')
			fputs("  ", stdout);
		else
			putchar(words[i]);
	putchar('\n');
	fflush(stdout);
	return CC_REDISPLAY;
}

// The words that may complete the line, one a line; to be freed. NULL: the session is over.
static char *completions(struct client *c, const char *line)
{
	char text[FILTER_HELP];
	struct frame f;

	if (filter_complete(line, text, sizeof(text)))
		return strdup(text);
	client_send(c, FRAME_COMPLETE, line, strlen(line));
	if (!client_wait(c, FRAME_WORDS, &f))
		return NULL;
	return strndup((const char *)f.data, f.len);
}

static unsigned char on_complete(EditLine *el, int ch)
{
	char line[FRAME_CLIENT_MAX], *words;
	size_t n = line_so_far(el, line, sizeof(line)), typed = 0;
	unsigned char result = CC_REFRESH_BEEP;

	// In front of a line that is pasted it says to which block that belongs.
	if (client_takes_text(client_of(el)) ||
	    (strstr(client_of(el)->prompt, "(") && strspn(line, " \t") == n))
		return insert_key(el, ch);
	while (typed < n && !strchr(" \t|", line[n - 1 - typed]))
		typed++;
	words = completions(client_of(el), line);
	if (!words)
		return CC_EOF;
	if (words[0])
		result = insert_word(el, words, strlen(words), typed);
	free(words);
	return result;
}

// Ctrl-Z leaves configuration mode, whatever is typed.
static unsigned char on_end(EditLine *el, int ch)
{
	const LineInfo *l = el_line(el);
	struct editor *e = NULL;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	if (!strstr(e->client->prompt, "("))
		return CC_REFRESH_BEEP;
	el_cursor(el, (int)(l->lastchar - l->cursor));
	el_deletestr(el, (int)(l->lastchar - l->buffer));
	el_insertstr(el, "end");
	fputs(e->shown ? "\n" : "^Z\n", stdout);
	return CC_NEWLINE;
}

// Ctrl-C abandons what is typed.
static unsigned char on_abandon(EditLine *el, int ch)
{
	struct editor *e = NULL;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	e->abandoned = true;
	fputs(e->shown ? "\n" : "^C\n", stdout);
	return CC_NEWLINE;
}

// Ctrl-Z must not stop the program. libedit gives the terminal that key back whenever a line has
// been typed, so that the signal itself is taken.
static int take_stops(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	return signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int editor_init(struct editor *e)
{
	HistEvent ev;

	setlocale(LC_CTYPE, "");
	tcgetattr(STDIN_FILENO, &e->terminal);
	e->stops = take_stops();
	e->el = el_init("vigil", stdin, stdout, stderr);
	e->history = history_init();
	if (e->stops < 0 || !e->el || !e->history)
		return -ENOMEM;
	history(e->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(e->history, &ev, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT, prompt);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_SIGNAL, 0);
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_GETCFN, get_character);
	el_set(e->el, EL_ADDFN, "vigil-help", "What may follow", on_help);
	el_set(e->el, EL_ADDFN, "vigil-complete", "Complete the word", on_complete);
	el_set(e->el, EL_ADDFN, "vigil-end", "Leave configuration mode", on_end);
	el_set(e->el, EL_ADDFN, "vigil-abandon", "Abandon the line", on_abandon);
	// While a line is edited Ctrl-C and Ctrl-Z are keys, not signals.
	el_set(e->el, EL_SETTY, "-d", "-isig", NULL);
	el_set(e->el, EL_BIND, "^C", "vigil-abandon", NULL);
	el_set(e->el, EL_BIND, "?", "vigil-help", NULL);
	el_set(e->el, EL_BIND, "^I", "vigil-complete", NULL);
	el_set(e->el, EL_BIND, "^Z", "vigil-end", NULL);
	return 0;
}

static void editor_fini(struct editor *e)
{
	if (e->history)
		history_end(e->history);
	if (e->el)
		el_end(e->el);
	close(e->stops);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &e->terminal);
}

static void run_line(struct editor *e, const char *typed, int n)
{
	char line[FRAME_CLIENT_MAX];
	HistEvent ev;

	while (n > 0 && (typed[n - 1] == '\n' || typed[n - 1] == '\r'))
		n--;
	snprintf(line, sizeof(line), "%.*s", n, typed);
	if (line[strspn(line, " \t")] && !client_takes_text(e->client))
		history(e->history, &ev, H_ENTER, line);
	client_run(e->client, line);
}

int client_edit(struct client *c)
{
	struct editor e = {.client = c};
	const char *typed;
	int n;

	if (editor_init(&e) < 0)
		return 1;
	c->editor = &e;
	c->log = log_above;
	while (!c->closed) {
		e.abandoned = e.shown = false;
		e.editing = true;
		typed = el_gets(e.el, &n);
		e.editing = false;
		if (e.abandoned && client_takes_text(c))
			client_end_text(c);
		if (e.abandoned)
			continue;
		if (!typed || n <= 0)
			break;
		run_line(&e, typed, n);
	}
	c->log = NULL;
	editor_fini(&e);
	if (!c->closed)
		putchar('\n');
	return 0;
}
