// See entry_peers.h: chains of addresses, in as many buckets as there may be peers. Control core
// only.
#include "entry_peers.h"

#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "control.h"
#include "flow.h"

static struct entry_peer **bucket_of(const struct control *c, const struct ip_addr *address)
{
	return &c->entry_buckets[addr_hash(&c->salt, address) & c->peer_bucket_mask];
}

void entry_peers_clear(struct control *c, struct crypto_entry *e)
{
	for (unsigned i = 0; i < e->n_listed; i++) {
		struct entry_peer *p = &e->listed[i];

		*p->link = p->next;
		if (p->next)
			p->next->link = p->link;
	}
	free(e->listed);
	e->listed = NULL;
	c->named_peers -= e->n_listed;
	e->n_listed = 0;
}

// Those of dynamic maps in front.
static void link_in(struct entry_peer *p, struct entry_peer **link)
{
	while (!p->entry->dynamic && *link && (*link)->entry->dynamic)
		link = &(*link)->next;
	p->next = *link;
	p->link = link;
	if (p->next)
		p->next->link = &p->next;
	*link = p;
}

int entry_peers_set(struct control *c, struct crypto_entry *e)
{
	entry_peers_clear(c, e);
	if (!c->entry_buckets)
		c->entry_buckets =
			calloc((size_t)c->peer_bucket_mask + 1, sizeof(*c->entry_buckets));
	if (!e->n_peers)
		return 0;
	e->listed = calloc(e->n_peers, sizeof(*e->listed));
	if (!c->entry_buckets || !e->listed) {
		free(e->listed);
		e->listed = NULL;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < e->n_peers; i++) {
		e->listed[i].entry = e;
		e->listed[i].address = e->peers[i];
		link_in(&e->listed[i], bucket_of(c, &e->peers[i]));
	}
	e->n_listed = e->n_peers;
	c->named_peers += e->n_listed;
	return 0;
}

void entry_peers_fini(struct control *c)
{
	free(c->entry_buckets);
	c->entry_buckets = NULL;
}

const struct entry_peer *entry_peers_next(const struct control *c, const struct ip_addr *address,
                                          const struct entry_peer *last)
{
	const struct entry_peer *p;

	if (!c->entry_buckets)
		return NULL;
	p = last ? last->next : *bucket_of(c, address);
	while (p && !addr_equal(&p->address, address))
		p = p->next;
	return p;
}
