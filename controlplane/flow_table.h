// Flows by their selectors: what serves a proposal is found without a walk over an entry's lines,
// or over all entries of a peer. Control core only.
//
// Lines whose selectors look at the same (prefix lengths, a protocol or not, ports or not) have one
// shape. A line covers a selector if it equals what is left of that, cut to the line's shape. So
// one look-up for each shape finds all that cover it, and lists have few shapes.
#ifndef VIGIL_FLOW_TABLE_H
#define VIGIL_FLOW_TABLE_H

#include "types.h"

struct control;
struct crypto_entry;
struct flow;
struct peer;

// How many flows have each shape, in order of `bits`.
struct flow_shape {
	uint32_t bits;
	uint32_t flows;
	struct handle brought_by; // the peer whose proposal was its first, see flow_table_brought()
};

struct flow_shapes {
	struct flow_shape *items;
	uint32_t n, room;
};

// A flow's place in a chain: tunnel index + 1, 0 = none.
struct flow_link {
	uint32_t next, prev;
};

// After the peers' tables; not in a turn, since tables of a million are long. 0 or -ENOMEM;
// flow_table_fini() in either case.
int flow_table_init(struct control *c);
// May the peer propose a flow of such a shape to the entry? See PROPOSED_SHAPES_MAX.
bool flow_table_may_propose(const struct control *c, const struct crypto_entry *e,
                            const struct selector *s, const struct peer *p);
// The peer has proposed this flow, which was added: if no other one has its shape it counts for the
// peer, for as long as there are any.
void flow_table_brought(struct control *c, const struct flow *f, const struct peer *p);
// Makes room for one more flow of the entry, a line's or not. 0 or -ENOMEM.
int flow_table_reserve(struct control *c, struct crypto_entry *e, bool line);
// It is not added after all.
void flow_table_unreserve(struct control *c, struct crypto_entry *e);
// There is room; the flow has its entry, tunnel and selector, and is its tunnel's.
void flow_table_add(struct control *c, struct flow *f);
void flow_table_del(struct control *c, struct flow *f);
// The entry's flow with this selector that a peer proposed. NULL: none.
struct flow *flow_table_instance(const struct control *c, const struct crypto_entry *e,
                                 const struct selector *s);
// The entry's first line that covers the selector. NULL: none.
struct flow *flow_table_line(const struct control *c, const struct crypto_entry *e,
                             const struct selector *s);
// All lines that cover the selector, and instances with it, of whatever entry.
void flow_table_for_each(const struct control *c, const struct selector *s,
                         void (*fn)(struct flow *f, void *arg), void *arg);
void flow_table_fini(struct control *c);

#endif
