// See flow_table.h: each flow is in a chain by {entry, selector} and in one by its selector alone,
// in as many buckets as there may be peers. Control core only.
#include "flow_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "control.h"
#include "flow.h"
#include "peer.h"

// ---- shapes ----------------------------------------------------------------------------------

#define SHAPE_V6          4u
#define SHAPE_PROTO       2u
#define SHAPE_LOCAL_PORT  1u
#define SHAPE_REMOTE_PORT 8u
#define SHAPE_LOCAL       8u  // bits from here on: prefix length
#define SHAPE_REMOTE      16u // ... and from here on

static uint32_t shape_of(const struct selector *s)
{
	return (uint32_t)s->local.len << SHAPE_LOCAL | (uint32_t)s->remote.len << SHAPE_REMOTE |
	       (s->local.addr.family == 6 ? SHAPE_V6 : 0) | (s->proto ? SHAPE_PROTO : 0) |
	       (s->local_port ? SHAPE_LOCAL_PORT : 0) | (s->remote_port ? SHAPE_REMOTE_PORT : 0);
}

// The place of a shape, or where it would be.
static uint32_t shape_place(const struct flow_shapes *shapes, uint32_t bits)
{
	uint32_t lo = 0, hi = shapes->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (shapes->items[mid].bits < bits)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool shapes_have(const struct flow_shapes *shapes, uint32_t bits)
{
	uint32_t at = shape_place(shapes, bits);

	return at < shapes->n && shapes->items[at].bits == bits;
}

static int shapes_reserve(struct flow_shapes *shapes)
{
	uint32_t room = shapes->room ? 2 * shapes->room : 1;
	struct flow_shape *items;

	if (shapes->n < shapes->room)
		return 0;
	items = reallocarray(shapes->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	shapes->items = items;
	shapes->room = room;
	return 0;
}

static void shapes_trim(struct flow_shapes *shapes)
{
	if (shapes->n)
		return;
	free(shapes->items);
	*shapes = (struct flow_shapes){0};
}

static void shapes_add(struct flow_shapes *shapes, uint32_t bits)
{
	uint32_t at = shape_place(shapes, bits);
	struct flow_shape *shape = &shapes->items[at];

	if (at == shapes->n || shape->bits != bits) {
		memmove(shape + 1, shape, (shapes->n - at) * sizeof(*shape));
		*shape = (struct flow_shape){.bits = bits};
		shapes->n++;
	}
	shape->flows++;
}

static void shapes_del(struct flow_shapes *shapes, uint32_t bits)
{
	uint32_t at = shape_place(shapes, bits);
	struct flow_shape *shape = &shapes->items[at];

	if (--shape->flows)
		return;
	shapes->n--;
	memmove(shape, shape + 1, (shapes->n - at) * sizeof(*shape));
	shapes_trim(shapes);
}

// Cuts a selector to a shape. False: nothing of this shape covers it.
static bool cut(const struct selector *s, uint32_t bits, struct selector *out)
{
	uint32_t own = shape_of(s), flags = SHAPE_PROTO | SHAPE_LOCAL_PORT | SHAPE_REMOTE_PORT;
	uint8_t local = (uint8_t)(bits >> SHAPE_LOCAL), remote = (uint8_t)(bits >> SHAPE_REMOTE);

	if ((bits ^ own) & SHAPE_V6 || bits & ~own & flags || local > s->local.len ||
	    remote > s->remote.len)
		return false;
	*out = (struct selector){
		.local = prefix_make(&s->local.addr, local),
		.remote = prefix_make(&s->remote.addr, remote),
		.proto = bits & SHAPE_PROTO ? s->proto : 0,
		.local_port = bits & SHAPE_LOCAL_PORT ? s->local_port : 0,
		.remote_port = bits & SHAPE_REMOTE_PORT ? s->remote_port : 0,
	};
	return true;
}

// ---- chains ----------------------------------------------------------------------------------

static struct flow *flow_at(const struct control *c, uint32_t link)
{
	return link ? c->flow_of_tunnel[link - 1] : NULL;
}

static struct flow_link *link_of(struct flow *f, bool by_entry)
{
	return by_entry ? &f->by_entry : &f->by_selector;
}

static uint32_t *bucket_of(const struct control *c, const struct crypto_entry *e,
                           const struct selector *s)
{
	uint32_t *table = e ? c->flows_by_entry : c->flows_by_selector;

	return &table[selector_hash(&c->salt, s, e ? flow_rank(e) : 0) & c->peer_bucket_mask];
}

static void chain_add(struct control *c, uint32_t *bucket, struct flow *f, bool by_entry)
{
	struct flow *next = flow_at(c, *bucket);

	*link_of(f, by_entry) = (struct flow_link){.next = *bucket};
	if (next)
		link_of(next, by_entry)->prev = f->tunnel.index + 1;
	*bucket = f->tunnel.index + 1;
}

static void chain_del(struct control *c, uint32_t *bucket, struct flow *f, bool by_entry)
{
	const struct flow_link *link = link_of(f, by_entry);
	struct flow *next = flow_at(c, link->next), *prev = flow_at(c, link->prev);

	if (next)
		link_of(next, by_entry)->prev = link->prev;
	if (prev)
		link_of(prev, by_entry)->next = link->next;
	else
		*bucket = link->next;
}

// The next one from `link` on with an entry's selector.
static struct flow *find_from(const struct control *c, uint32_t link, const struct crypto_entry *e,
                              const struct selector *s, bool line)
{
	struct flow *f = flow_at(c, link);

	while (f && (f->entry != e || (f->instance == FLOW_LINE) != line ||
	             !selector_equal(&f->selector, s)))
		f = flow_at(c, f->by_entry.next);
	return f;
}

// ---- the table -------------------------------------------------------------------------------

// How many shapes are there because of the peer.
static unsigned brought_by(const struct flow_shapes *shapes, const struct peer *p)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < shapes->n; i++)
		n += handle_equal(shapes->items[i].brought_by, slab_handle(p));
	return n;
}

bool flow_table_may_propose(const struct control *c, const struct crypto_entry *e,
                            const struct selector *s, const struct peer *p)
{
	const struct flow_shapes *proposed = &c->proposed_shapes[e->iface];
	uint32_t bits = shape_of(s);

	if (shapes_have(proposed, bits) || shapes_have(&e->shapes, bits))
		return true;
	return proposed->n < PROPOSED_SHAPES_MAX &&
	       (!e->any_peer || brought_by(proposed, p) < PROPOSED_SHAPES_PER_PEER);
}

void flow_table_brought(struct control *c, const struct flow *f, const struct peer *p)
{
	struct flow_shapes *proposed = &c->proposed_shapes[f->entry->iface];
	uint32_t bits = shape_of(&f->selector);
	struct flow_shape *shape = &proposed->items[shape_place(proposed, bits)];

	if (shape->flows == 1 && !shapes_have(&f->entry->shapes, bits))
		shape->brought_by = slab_handle(p);
}

int flow_table_init(struct control *c)
{
	size_t buckets = (size_t)c->peer_bucket_mask + 1;

	c->flows_by_entry = calloc(buckets, sizeof(*c->flows_by_entry));
	c->flows_by_selector = calloc(buckets, sizeof(*c->flows_by_selector));
	return c->flows_by_entry && c->flows_by_selector ? 0 : -ENOMEM;
}

int flow_table_reserve(struct control *c, struct crypto_entry *e, bool line)
{
	if (!line)
		return shapes_reserve(&c->proposed_shapes[e->iface]);
	return shapes_reserve(&c->flow_shapes) || shapes_reserve(&e->shapes) ? -ENOMEM : 0;
}

void flow_table_unreserve(struct control *c, struct crypto_entry *e)
{
	shapes_trim(&c->flow_shapes);
	shapes_trim(&c->proposed_shapes[e->iface]);
	shapes_trim(&e->shapes);
}

void flow_table_add(struct control *c, struct flow *f)
{
	chain_add(c, bucket_of(c, f->entry, &f->selector), f, true);
	chain_add(c, bucket_of(c, NULL, &f->selector), f, false);
	if (f->instance != FLOW_LINE) {
		shapes_add(&c->proposed_shapes[f->entry->iface], shape_of(&f->selector));
		return;
	}
	shapes_add(&c->flow_shapes, shape_of(&f->selector));
	shapes_add(&f->entry->shapes, shape_of(&f->selector));
}

void flow_table_del(struct control *c, struct flow *f)
{
	chain_del(c, bucket_of(c, f->entry, &f->selector), f, true);
	chain_del(c, bucket_of(c, NULL, &f->selector), f, false);
	if (f->instance != FLOW_LINE) {
		shapes_del(&c->proposed_shapes[f->entry->iface], shape_of(&f->selector));
		return;
	}
	shapes_del(&c->flow_shapes, shape_of(&f->selector));
	shapes_del(&f->entry->shapes, shape_of(&f->selector));
}

struct flow *flow_table_instance(const struct control *c, const struct crypto_entry *e,
                                 const struct selector *s)
{
	return find_from(c, *bucket_of(c, e, s), e, s, false);
}

struct flow *flow_table_line(const struct control *c, const struct crypto_entry *e,
                             const struct selector *s)
{
	struct flow *first = NULL, *f;
	struct selector part;

	for (uint32_t i = 0; i < e->shapes.n; i++) {
		if (!cut(s, e->shapes.items[i].bits, &part))
			continue;
		f = find_from(c, *bucket_of(c, e, &part), e, &part, true);
		for (; f; f = find_from(c, f->by_entry.next, e, &part, true))
			if (!first || f->line < first->line)
				first = f;
	}
	return first;
}

// Those with exactly this selector.
static void for_each_equal(const struct control *c, const struct selector *s, bool lines,
                           void (*fn)(struct flow *f, void *arg), void *arg)
{
	struct flow *f = flow_at(c, *bucket_of(c, NULL, s));

	for (; f; f = flow_at(c, f->by_selector.next))
		if ((f->instance == FLOW_LINE) == lines && selector_equal(&f->selector, s))
			fn(f, arg);
}

void flow_table_for_each(const struct control *c, const struct selector *s,
                         void (*fn)(struct flow *f, void *arg), void *arg)
{
	struct selector part;

	for_each_equal(c, s, false, fn, arg);
	for (uint32_t i = 0; i < c->flow_shapes.n; i++)
		if (cut(s, c->flow_shapes.items[i].bits, &part))
			for_each_equal(c, &part, true, fn, arg);
}

void flow_table_fini(struct control *c)
{
	free(c->flows_by_entry);
	free(c->flows_by_selector);
	c->flows_by_entry = c->flows_by_selector = NULL;
}
