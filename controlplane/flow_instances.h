// The flows that peers have proposed, by entry and selector: a dynamic entry may have a million.
// Control core only.
#ifndef VIGIL_FLOW_INSTANCES_H
#define VIGIL_FLOW_INSTANCES_H

#include "suite.h"
#include "types.h"

struct control;
struct crypto_entry;
struct flow;

// Makes room. 0 or -ENOMEM.
int flow_instances_reserve(struct control *c);
// There is room; the flow has its entry and selector.
void flow_instances_add(struct control *c, struct flow *f);
void flow_instances_del(struct flow *f);
// NULL = the entry has none with this selector.
struct flow *flow_instances_find(const struct control *c, const struct crypto_entry *e,
                                 const struct selector *s);
void flow_instances_fini(struct control *c);

#endif
