// The difference of two configurations as a list of changes, for applying a new one live.
#ifndef VIGIL_CONFIG_DIFF_H
#define VIGIL_CONFIG_DIFF_H

#include "config.h"

enum diff_op { DIFF_ADD, DIFF_DEL, DIFF_CHANGE };

struct diff_change {
	enum config_kind kind;
	enum diff_op op;
	// For list kinds: index into the list of the old (DEL, CHANGE) and new (ADD, CHANGE)
	// configuration. For single values only CHANGE occurs, and both are 0.
	uint32_t old_index, new_index;
};

// A line that only one of two access lists of one name has, or that they have differently; or the
// remarks on it.
struct diff_line {
	uint32_t acl; // index into the list of the new configuration
	uint32_t seq;
};

struct diff_list {
	struct diff_change *items; // by kind in the order of enum config_kind, then by key
	uint32_t n;
	// Map entries of the new configuration that are as they were, but use a transform set or an
	// access list that is not: their indices, in order.
	uint32_t *touched;
	uint32_t n_touched;
	struct diff_line *lines; // of access lists that are in both, in their order
	uint32_t n_lines;
};

// 0 or -ENOMEM. *out is freed with diff_fini().
int diff_configs(const struct config *old, const struct config *new, struct diff_list *out);
void diff_fini(struct diff_list *d);

#endif
