// See child_spis.h: chains in buckets, by peer and SPI. Control core only. Must not judge what a
// message means.
#include "child_spis.h"

#include <errno.h>
#include <stdlib.h>

#include "bounds.h"
#include "child.h"
#include "control.h"
#include "peer.h"

// A child has two SAs; a chain may have two children.
int child_spis_init(struct control *c)
{
	uint32_t buckets = 1;

	while (buckets * 4 <= c->max_sas)
		buckets *= 2;
	c->child_spi_mask = buckets - 1;
	c->children_by_spi = calloc(buckets, sizeof(*c->children_by_spi));
	return c->children_by_spi ? 0 : -ENOMEM;
}

void child_spis_fini(struct control *c)
{
	free(c->children_by_spi);
}

static uint32_t *bucket_of(const struct control *c, const struct peer *p, uint32_t spi)
{
	uint64_t key[2] = {p->slab.index, spi};

	return &c->children_by_spi[salt_hash(&c->salt, key, 2) & c->child_spi_mask];
}

static struct child *child_at(const struct control *c, uint32_t link)
{
	return link ? slab_at(&c->children, link - 1) : NULL;
}

#define AHEAD 6u

void child_spis_peek(const struct control *c, const struct peer *p, const uint32_t *spis,
                     unsigned n)
{
	const struct child *first;
	uint32_t link;

	if (n > 2 * AHEAD)
		__builtin_prefetch(bucket_of(c, p, spis[2 * AHEAD]));
	link = n > AHEAD ? *bucket_of(c, p, spis[AHEAD]) : 0;
	first = link ? slab_place(&c->children, link - 1) : NULL;
	if (first)
		__builtin_prefetch(&first->spi_out);
}

struct child *child_spis_next(const struct control *c, const struct peer *p, uint32_t spi_out,
                              const struct child *last)
{
	struct child *ch;

	ch = child_at(c, last ? last->next_by_spi : *bucket_of(c, p, spi_out));
	while (ch && !(ch->spi_out == spi_out && ch->peer == p))
		ch = child_at(c, ch->next_by_spi);
	return ch;
}

// Nobody has two with one SPI, but for a moment who has forgotten the first. Who gives all of them
// the same would make a chain of all, which is walked whenever one ends: his own are not found.
static bool has_enough(const struct control *c, const struct child *ch)
{
	const struct child *other = NULL;
	unsigned n = 0;

	while ((other = child_spis_next(c, ch->peer, ch->spi_out, other)))
		n++;
	return n >= SAME_SPI_MAX;
}

void child_spis_add(struct control *c, struct child *ch)
{
	uint32_t *bucket = bucket_of(c, ch->peer, ch->spi_out);

	if (has_enough(c, ch))
		return;
	ch->by_spi = true;
	ch->next_by_spi = *bucket;
	*bucket = ch->slab.index + 1;
}

void child_spis_del(struct control *c, struct child *ch)
{
	uint32_t *link;

	if (!ch->by_spi)
		return;
	link = bucket_of(c, ch->peer, ch->spi_out);
	while (*link != ch->slab.index + 1)
		link = &child_at(c, *link)->next_by_spi;
	*link = ch->next_by_spi;
	ch->by_spi = false;
}
