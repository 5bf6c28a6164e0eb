// Typing into a configuration: the mode that one is in, and one line after the other. The startup
// file and `configure terminal` go through the same function.
#ifndef VIGIL_CONFIG_CURSOR_H
#define VIGIL_CONFIG_CURSOR_H

#include "command.h"
#include "config.h"
#include "diag.h"

#define CURSOR_TEXT_END 3 // bytes with the NUL

struct config_cursor {
	enum command_mode mode; // MODE_CONFIG at first; MODE_EXEC after `end`, or `exit` at the top
	char name[CONFIG_NAME]; // what the sub-mode edits, by name and number
	uint32_t number;
	uint32_t indent; // blanks in front of the line that opened it
	// Below a line that was refused: what has this many blanks in front belongs to it and is
	// not applied. 0 = the line before was not refused, or a line stood further left since.
	uint32_t refused;
	// The same below a line within a block that was ignored: it is ignored with it.
	uint32_t ignored;
	// While lines are the text of a banner: what ends it, and the banner's own line.
	char text_end[CURSOR_TEXT_END];
	uint32_t text_line;
};

// What is to be typed to end the text of a banner; "" = lines are commands.
const char *cursor_text_end(const struct config_cursor *cur);
// The table of all configuration commands; compiled at the first call, immutable, any thread.
const struct command_set *config_commands(void);

void cursor_init(struct config_cursor *cur);
// Applies one line to *c. A command that the sub-mode does not know but global mode does leaves the
// sub-mode, as in IOS; but one that is ignored does not, if it is typed or indented. `line_number`
// 0 = typed. 0, or -errno: then *c and *cur are as before, but for cur->refused, and *d has the
// error. Warnings and notices of accepted lines go to *d too. Cross references are check_config()'s
// business, not this function's.
int cursor_enter(struct config *c, struct config_cursor *cur, const char *line,
                 uint32_t line_number, struct diag_list *d);
// Whoever does not put a line in force that cursor_enter() took says so here: lines that stand
// further right, as a pasted block's do, are refused with it.
void cursor_refuse(struct config_cursor *cur, const char *line);

#endif
