// Freeing behind the readers' backs. [C] Must not wait for a worker, and frees a bounded number a
// call, so that a mass of deletions does not hold up the control core.
#include "reclaim.h"

#include <stdlib.h>

void reclaim_init(struct reclaim *r, struct rte_rcu_qsbr *qsbr)
{
	r->qsbr = qsbr;
	r->head = NULL;
	r->tail = &r->head;
}

void reclaim_defer(struct reclaim *r, struct reclaim_item *item)
{
	item->token = rte_rcu_qsbr_start(r->qsbr);
	item->next = NULL;
	*r->tail = item;
	r->tail = &item->next;
}

struct reclaim_item *reclaim_take(struct reclaim *r, bool all)
{
	struct reclaim_item *item = r->head;

	if (!item || (!all && rte_rcu_qsbr_check(r->qsbr, item->token, false) != 1))
		return NULL;
	r->head = item->next;
	if (!r->head)
		r->tail = &r->head;
	return item;
}

void reclaim_free(struct reclaim *r, unsigned max)
{
	struct reclaim_item *item;

	while (max-- > 0 && (item = reclaim_take(r, false)))
		free(item);
}

void reclaim_fini(struct reclaim *r)
{
	struct reclaim_item *item;

	while ((item = reclaim_take(r, true)))
		free(item);
}
