// An entry's flows and denies, made from the lines of its access list. Control core only.
#ifndef VIGIL_ENTRY_LINES_H
#define VIGIL_ENTRY_LINES_H

#include "flow.h"

struct control;

// Where the work on an entry is.
struct entry_lines {
	const struct config_acl *acl; // NULL: all goes
	uint8_t *kept; // what each line of the list has already: its flow, or so many rules
	uint32_t at, n;
	enum { ENTRY_LINES_FLOWS, ENTRY_LINES_DENIES, ENTRY_LINES_NEW, ENTRY_LINES_DONE } stage;
	int err; // the first one; what is missing then is not made
};

// Takes one from what may be done in this turn; false: there is nothing left.
static inline bool entry_take(unsigned *budget)
{
	if (!*budget)
		return false;
	--*budget;
	return true;
}

// Begins to bring the entry into line with the list. What has not changed is not touched: it
// carries traffic.
void entry_lines_start(struct entry_lines *w, const struct crypto_entry *e,
                       const struct config_acl *acl);
// Goes on with so many lines at most. True: there are more. Else w->err is 0, -ENOMEM, or why the
// dataplane does not take a line.
bool entry_lines_step(struct control *c, struct crypto_entry *e, struct entry_lines *w,
                      unsigned *budget);
// Leaves the work, done or not.
void entry_lines_end(struct entry_lines *w);

// The same for one line of the list; the entry has no narrower flows.
int entry_line_sync(struct control *c, struct crypto_entry *e, const struct config_acl *acl,
                    uint32_t seq);
// The permitted line that a flow was made from or lies within, NULL if there is none any more.
const struct config_acl_line *entry_line_of(const struct config_acl *acl, const struct flow *f);
void entry_denies_destroy(struct control *c, struct crypto_entry *e);

#endif
