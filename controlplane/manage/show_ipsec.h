// `show crypto ipsec ...`: the texts, from views and the configuration.
#ifndef VIGIL_MANAGE_SHOW_IPSEC_H
#define VIGIL_MANAGE_SHOW_IPSEC_H

#include "view.h"

struct text;

#define IPSEC_CHILDREN 8 // SA pairs of one flow that are shown

// A flow whose children are still to come: its counters are the sum of theirs.
struct ipsec_format {
	bool identity; // of a flow, its ends and counters alone
	bool detail;   // of an SA, what it has dropped and why
	bool open;
	bool printed;            // something
	char iface[CONFIG_NAME]; // whose heading was printed last
	char map_name[CONFIG_NAME];
	struct flow_view flow;
	struct child_view children[IPSEC_CHILDREN]; // the one that encrypts first
	unsigned n_children;
};

// One view of REQUEST_IPSEC_SAS.
void ipsec_format_view(struct ipsec_format *f, const struct view *v, struct text *out);
// All views have come.
void ipsec_format_end(struct ipsec_format *f, struct text *out);

void ipsec_transform_sets(const struct config *c, struct text *out);

#endif
