// `banner`: its text means nothing here, but must not be read as commands. Any thread.
#include <stdio.h>
#include <string.h>

#include "commands.h"

// The first character is the one that ends the text, on the same line or a later one. IOS shows a
// control character in two, as in ^C; a text between two ^ may begin with a C, too.
static size_t take_end(const char *text, char end[CURSOR_TEXT_END])
{
	size_t n = strlen(text), len = text[0] == '^' && text[1] == 'C' ? 2 : 1;

	if (len == 2 && n > 2 && text[n - 1] == '^')
		len = 1;

	snprintf(end, CURSOR_TEXT_END, "%.*s", (int)len, text);
	return len;
}

int command_banner(struct command_call *call)
{
	struct config_cursor *cur = edit_of(call)->cursor;
	const char *text = command_text(call, "text");
	char end[CURSOR_TEXT_END];

	if (!call->no && !strstr(text + take_end(text, end), end)) {
		memcpy(cur->text_end, end, sizeof(end));
		cur->text_line = edit_of(call)->line;
	}
	return command_ignored(call);
}

bool cursor_text(struct config_cursor *cur, const char *line)
{
	if (!cur->text_end[0])
		return false;
	if (strstr(line, cur->text_end))
		cur->text_end[0] = '\0';
	return true;
}

const char *cursor_text_end(const struct config_cursor *cur)
{
	return cur->text_end[0] == '\003' ? "^C" : cur->text_end;
}

static const struct command_word words[] = {
	{"banner", "Define a login banner (ignored)"},
	{"config-save", "Message of saving a configuration (ignored)"},
	{"exec", "EXEC process creation banner (ignored)"},
	{"incoming", "Incoming terminal line banner (ignored)"},
	{"login", "Login banner (ignored)"},
	{"motd", "Message of the day banner (ignored)"},
	{"prompt-timeout", "Message for login authentication timeout (ignored)"},
	{"slip-ppp", "Message for SLIP/PPP (ignored)"},
	{"text", "c banner-text c, where 'c' is a delimiting character"},
	{NULL, NULL},
};

#define KINDS "{config-save|exec|incoming|login|motd|prompt-timeout|slip-ppp}"

static const struct command commands[] = {
	{MODE_CONFIG, "banner " KINDS " text:LINE", "banner " KINDS, command_banner, words},
};

const struct command_table commands_banner = {commands, sizeof(commands) / sizeof(commands[0]),
                                              COMMANDS_NO_LIST};
