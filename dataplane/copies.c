// Fragments that wait, by datagram. [W] A look-up goes over a word for each datagram. Must not
// remember what the library has given up: a fragment that is sent once more would be taken for a
// copy then. What it forgets too early only means that a copy is not told.
#include "copies.h"

#include <rte_hash_crc.h>
#include <stdlib.h>
#include <string.h>

struct part {
	uint16_t offset, len, sum;
};

struct datagram {
	uint64_t key[5];
	unsigned n; // of its parts
	struct part parts[REASSEMBLE_PIECES];
};

struct copies {
	unsigned n; // of datagrams
	uint64_t timeout;
	uint32_t *tags;  // hashes of their keys
	uint64_t *began; // when; 0 = a free place
	struct datagram *datagrams;
};

struct copies *copies_create(unsigned datagrams, uint64_t timeout)
{
	struct copies *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->n = datagrams;
	c->timeout = timeout;
	c->tags = calloc(datagrams, sizeof(*c->tags));
	c->began = calloc(datagrams, sizeof(*c->began));
	c->datagrams = calloc(datagrams, sizeof(*c->datagrams));
	if (c->tags && c->began && c->datagrams)
		return c;
	copies_destroy(c);
	return NULL;
}

void copies_destroy(struct copies *c)
{
	if (!c)
		return;
	free(c->tags);
	free(c->began);
	free(c->datagrams);
	free(c);
}

static uint32_t tag_of(const struct copies_part *part)
{
	return rte_hash_crc(part->datagram, sizeof(part->datagram), 0);
}

// The place of the part's datagram; c->n: it has none.
static unsigned find(const struct copies *c, const struct copies_part *part)
{
	uint32_t tag = tag_of(part);
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (c->tags[i] == tag && c->began[i] &&
		    memcmp(c->datagrams[i].key, part->datagram, sizeof(part->datagram)) == 0)
			break;
	return i;
}

// The library's own words for it.
static bool is_over(const struct copies *c, unsigned i, uint64_t now)
{
	return c->timeout + c->began[i] < now;
}

bool copies_has(const struct copies *c, const struct copies_part *part, uint64_t now)
{
	const struct datagram *d;
	unsigned i = find(c, part);

	if (i == c->n || is_over(c, i, now))
		return false;
	d = &c->datagrams[i];
	for (unsigned k = 0; k < d->n; k++)
		if (d->parts[k].offset == part->offset && d->parts[k].len == part->len &&
		    d->parts[k].sum == part->sum)
			return true;
	return false;
}

// A place for a new datagram; c->n: there is none, and copies will not be told.
static unsigned place(const struct copies *c, uint64_t now)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (!c->began[i] || is_over(c, i, now))
			break;
	return i;
}

void copies_add(struct copies *c, const struct copies_part *part, uint64_t now)
{
	unsigned i = find(c, part);
	struct datagram *d;

	if (i == c->n)
		i = place(c, now);
	if (i == c->n)
		return;
	d = &c->datagrams[i];
	if (!c->began[i] || is_over(c, i, now)) {
		c->tags[i] = tag_of(part);
		c->began[i] = now;
		d->n = 0;
		memcpy(d->key, part->datagram, sizeof(d->key));
	}
	if (d->n < REASSEMBLE_PIECES)
		d->parts[d->n++] = (struct part){part->offset, part->len, part->sum};
}

void copies_del(struct copies *c, const struct copies_part *part)
{
	unsigned i = find(c, part);

	if (i < c->n)
		c->began[i] = 0;
}

void copies_expire(struct copies *c, uint64_t before)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->began[i] < before)
			c->began[i] = 0;
}
