// Nodes of an IKE SA: a small ring, bounded in number and time. Control core only. Must not send.
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ike_crypto.h"
#include "ike_debug.h"

// A copy that comes later than this is processed like any message; DPD sequences and used-up SPIs
// keep it from doing harm.
#define NODE_LIFE ticks_from_seconds(120)
// As long as the other side repeats its message (retransmit.c; others do not take much longer).
#define NODE_NEEDED ticks_from_seconds(30)

void node_hash(struct control *c, const void *message, size_t len, uint8_t out[IKE_NODE_HASH])
{
	struct ike_chunk whole = {message, len};

	// A failure of the library hashes to zeros: at worst a message is taken for a copy and
	// lost.
	if (ike_crypto_hash(c->crypto, IKE_HASH_SHA1, &whole, 1, out) < 0)
		memset(out, 0, IKE_NODE_HASH);
}

static bool node_is_fresh(const struct control *c, const struct ike_node *n)
{
	return n->used && tick_diff(c->now, n->when) < (int32_t)NODE_LIFE;
}

struct ike_node *node_find(struct control *c, struct ike_sa *sa, uint32_t message_id)
{
	for (unsigned i = 0; i < sa->n_nodes; i++)
		if (sa->nodes[i].message_id == message_id && node_is_fresh(c, &sa->nodes[i]))
			return &sa->nodes[i];
	return NULL;
}

static void node_clear(struct ike_node *n)
{
	free(n->answer);
	*n = (struct ike_node){0};
}

// A copy may still come whose answer the other side needs: a lost message 3 of quick mode leaves it
// with half a tunnel.
static bool node_is_needed(const struct control *c, const struct ike_node *n)
{
	return n->used && n->answer && tick_diff(c->now, n->when) < (int32_t)NODE_NEEDED;
}

// More room, up to the bound. True if there is.
static bool ring_grow(struct ike_sa *sa)
{
	unsigned n = sa->n_nodes ? sa->n_nodes * 2u : IKE_NODES;
	struct ike_node *nodes;

	if (n > IKE_NODES_MAX)
		return false;
	nodes = realloc(sa->nodes, n * sizeof(*nodes));
	if (!nodes)
		return false;
	memset(nodes + sa->n_nodes, 0, (n - sa->n_nodes) * sizeof(*nodes));
	sa->node_next = sa->n_nodes;
	sa->nodes = nodes;
	sa->n_nodes = (uint8_t)n;
	return true;
}

// The oldest that is not needed any more, or a new one, or if there can be none the oldest.
static struct ike_node *node_slot(struct control *c, struct ike_sa *sa)
{
	struct ike_node *n;
	unsigned i;

	for (i = 0; i < sa->n_nodes; i++)
		if (!node_is_needed(c, &sa->nodes[(sa->node_next + i) % sa->n_nodes]))
			break;
	if (i < sa->n_nodes)
		sa->node_next = (uint8_t)((sa->node_next + i) % sa->n_nodes);
	else if (!ring_grow(sa) && !sa->n_nodes)
		return NULL;
	n = &sa->nodes[sa->node_next];
	sa->node_next = (uint8_t)((sa->node_next + 1) % sa->n_nodes);
	if (n->used && n->message_id)
		ike_debug_node_purge(c, sa, n->message_id);
	node_clear(n);
	return n;
}

void node_add(struct control *c, struct ike_sa *sa, uint32_t message_id,
              const uint8_t hash[IKE_NODE_HASH], const void *answer, uint16_t answer_len)
{
	struct ike_node *n = node_find(c, sa, message_id);

	if (n)
		node_clear(n);
	else
		n = node_slot(c, sa);
	if (!n)
		return;
	if (answer) {
		n->answer = malloc(answer_len);
		if (!n->answer)
			return;
		memcpy(n->answer, answer, answer_len);
		n->answer_len = answer_len;
	}
	memcpy(n->hash, hash, sizeof(n->hash));
	n->message_id = message_id;
	n->when = c->now;
	n->used = true;
}

void node_forget_all(struct ike_sa *sa)
{
	for (unsigned i = 0; i < sa->n_nodes; i++)
		node_clear(&sa->nodes[i]);
	free(sa->nodes);
	sa->nodes = NULL;
	sa->n_nodes = sa->node_next = 0;
}
