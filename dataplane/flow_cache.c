// The flow cache's memory, and what goes when a line is full. [W] puts; [C] makes and frees while
// the worker does not run.
#include "flow_cache.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

#define LINES_MIN 1024u
#define LINES_MAX (1u << 20)

struct flow_cache *flow_cache_create(uint32_t flows, int socket)
{
	struct flow_cache *c = rte_zmalloc_socket("flow_cache", sizeof(*c), 64, socket);
	uint32_t lines = LINES_MIN;

	if (!c) {
		errno = ENOMEM;
		return NULL;
	}
	// At most half full with IPv6, a quarter with IPv4: few keys have to share.
	while (lines < LINES_MAX && lines / 2 < flows)
		lines *= 2;
	// A smaller cache is only slower.
	while (!c->lines && lines >= LINES_MIN) {
		c->lines = rte_zmalloc_socket("flow_cache", (size_t)lines * sizeof(*c->lines), 64,
		                              socket);
		c->mask = lines - 1;
		lines /= 2;
	}
	if (!c->lines) {
		rte_free(c);
		errno = ENOMEM;
		return NULL;
	}
	salt_init(&c->salt);
	return c;
}

void flow_cache_destroy(struct flow_cache *c)
{
	if (c)
		rte_free(c->lines);
	rte_free(c);
}

// The interface of a key by its last word (struct policy_key, little endian).
static uint64_t key_iface(uint64_t last)
{
	return last >> 48;
}

// Empty, or left over from an earlier stamp of the same interface.
static bool is_spare(const struct flow_head *head, uint64_t last, uint64_t mark, uint64_t own_last)
{
	return !head->mark || (key_iface(last) == key_iface(own_last) &&
	                       (head->mark ^ mark) >> (FLOW_VALUE_BITS + 1) != 0);
}

static bool line_is_v6(const union flow_line *line)
{
	return line->v6.head.mark & FLOW_MARK_V6;
}

static bool line_is_spare(const union flow_line *line, uint64_t mark, uint64_t last)
{
	if (line_is_v6(line))
		return is_spare(&line->v6.head, line->v6.high[2], mark, last);
	return is_spare(&line->v4[0].head, line->v4[0].key[1], mark, last) &&
	       is_spare(&line->v4[1].head, line->v4[1].key[1], mark, last);
}

// The spare IPv4 entry of a line, or NULL.
static struct flow_v4 *spare_v4(union flow_line *line, uint64_t mark, uint64_t last)
{
	if (line_is_v6(line))
		return line_is_spare(line, mark, last) ? &line->v4[0] : NULL;
	for (unsigned i = 0; i < 2; i++)
		if (is_spare(&line->v4[i].head, line->v4[i].key[1], mark, last))
			return &line->v4[i];
	return NULL;
}

static void put_v4(struct flow_cache *c, uint64_t hash, uint64_t mark, const uint64_t *key,
                   struct handle tunnel)
{
	union flow_line *first = flow_line_first(c, hash);
	struct flow_v4 *e = spare_v4(first, mark, key[1]);

	if (!e)
		e = spare_v4(flow_line_second(c, hash), mark, key[1]);
	if (!e)
		e = &first->v4[line_is_v6(first) ? 0 : c->turn++ & 1];
	*e = (struct flow_v4){.head = {mark, tunnel}, .key = {key[0], key[1]}};
}

static void put_v6(struct flow_cache *c, uint64_t hash, uint64_t mark, const uint64_t *key,
                   struct handle tunnel)
{
	union flow_line *line = flow_line_first(c, hash), *second = flow_line_second(c, hash);

	if (!line_is_spare(line, mark, key[4]) &&
	    (line_is_spare(second, mark, key[4]) || c->turn++ & 1))
		line = second;
	line->v6 = (struct flow_v6){
		.head = {mark, tunnel},
		.low = {key[0], key[1]},
		.high = {key[2], key[3], key[4]},
	};
}

void flow_cache_put(struct flow_cache *c, uint64_t hash, uint64_t mark, const uint64_t *key,
                    unsigned n, struct handle tunnel)
{
	if (n == FLOW_WORDS_V6)
		put_v6(c, hash, mark, key, tunnel);
	else
		put_v4(c, hash, mark, key, tunnel);
}
