// The flows of an entry's access list lines, by line: one of 100,000 is found without a walk.
// Control core only.
#ifndef VIGIL_FLOW_LINES_H
#define VIGIL_FLOW_LINES_H

#include "types.h"

struct flow;

// Those with instance FLOW_LINE, by line.
struct flow_lines {
	struct flow **items;
	uint32_t n, room;
};

// Makes room for one more. 0 or -ENOMEM.
int flow_lines_reserve(struct flow_lines *l);
// There is room, and no flow of this line.
void flow_lines_add(struct flow_lines *l, struct flow *f);
void flow_lines_del(struct flow_lines *l, const struct flow *f);
// NULL = the line has no flow.
struct flow *flow_lines_find(const struct flow_lines *l, uint32_t line);

#endif
