// Memory that readers may still look at: it is freed when every worker has been quiescent since.
// [C] only. Never waits.
#ifndef VIGIL_DATAPLANE_RECLAIM_H
#define VIGIL_DATAPLANE_RECLAIM_H

#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

// The first member of what is freed through it.
struct reclaim_item {
	struct reclaim_item *next;
	uint64_t token;
};

// What waits for the readers, oldest first.
struct reclaim {
	struct rte_rcu_qsbr *qsbr;
	struct reclaim_item *head, **tail;
};

void reclaim_init(struct reclaim *r, struct rte_rcu_qsbr *qsbr);
// `item` waits for the readers from now on: readers that come now must not find it any more.
void reclaim_defer(struct reclaim *r, struct reclaim_item *item);
// Takes the oldest item off if it is ripe, or if `all`: no reader is left. Else NULL.
struct reclaim_item *reclaim_take(struct reclaim *r, bool all);
// Frees (items from malloc) what is ripe, at most `max`.
void reclaim_free(struct reclaim *r, unsigned max);
// Frees everything; no reader is left.
void reclaim_fini(struct reclaim *r);

#endif
