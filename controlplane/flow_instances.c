// See flow_instances.h: chains of flows, in as many buckets as there may be peers. Control core
// only.
#include "flow_instances.h"

#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "control.h"
#include "flow.h"

static struct flow **bucket_of(const struct control *c, const struct crypto_entry *e,
                               const struct selector *s)
{
	uint64_t h = selector_hash(&c->salt, s, flow_rank(e));

	return &c->instance_buckets[h & c->peer_bucket_mask];
}

int flow_instances_reserve(struct control *c)
{
	if (!c->instance_buckets)
		c->instance_buckets =
			calloc((size_t)c->peer_bucket_mask + 1, sizeof(*c->instance_buckets));
	return c->instance_buckets ? 0 : -ENOMEM;
}

void flow_instances_add(struct control *c, struct flow *f)
{
	struct flow **bucket = bucket_of(c, f->entry, &f->selector);

	f->hash_next = *bucket;
	f->hash_link = bucket;
	if (f->hash_next)
		f->hash_next->hash_link = &f->hash_next;
	*bucket = f;
}

void flow_instances_del(struct flow *f)
{
	*f->hash_link = f->hash_next;
	if (f->hash_next)
		f->hash_next->hash_link = f->hash_link;
}

struct flow *flow_instances_find(const struct control *c, const struct crypto_entry *e,
                                 const struct selector *s)
{
	struct flow *f = c->instance_buckets ? *bucket_of(c, e, s) : NULL;

	while (f && (f->entry != e || !selector_equal(&f->selector, s)))
		f = f->hash_next;
	return f;
}

void flow_instances_fini(struct control *c)
{
	free(c->instance_buckets);
	c->instance_buckets = NULL;
}
