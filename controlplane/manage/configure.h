// `configure terminal`: lines are tried on a copy of the running configuration, checked, and what
// is right is handed to the control core. A crypto map's sub-mode is handed over when it is left.
#ifndef VIGIL_MANAGE_CONFIGURE_H
#define VIGIL_MANAGE_CONFIGURE_H

#include "cursor.h"
#include "diag.h"

struct session;

struct configure {
	struct config *work; // the running configuration and what is not handed over yet
	struct config_cursor cursor;
	struct diag_list known; // what was found in the running configuration before
	bool changed;           // something was applied
};

// Enters configuration mode, unless somebody else is in it (an error text then).
void configure_enter(struct session *s);
// One line in configuration mode.
void configure_line(struct session *s, const char *line);
// Lines are the text of a banner, not commands.
bool configure_takes_text(const struct session *s);
// Gives up the text of a banner that has no end yet.
void configure_end_text(struct session *s);
// Something was typed in a crypto map that is not left yet, so that it does not run and is not
// saved.
bool configure_waits(const struct session *s);
// Leaves it; what was typed in a crypto map that was not left is dropped, which is logged.
void configure_leave(struct session *s);

#endif
