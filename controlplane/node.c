// Nodes of an IKE SA: a small ring, bounded in number and time. Control core only. Must not send.
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "control.h"
#include "ike_crypto.h"
#include "ike_debug.h"

// A copy that comes later than this is processed like any message; DPD sequences and used-up SPIs
// keep it from doing harm.
#define NODE_LIFE ticks_from_seconds(120)
// As long as the other side repeats its message (retransmit.c; others do not take much longer).
#define NODE_NEEDED ticks_from_seconds(30)
// Most SAs see an exchange of phase 1 and one of phase 2, and then none for an hour.
#define RING_FIRST 2u
#define AGE_CHUNK  64u // SAs that a tick forgets, so that it stays short

void node_hash(struct control *c, const void *message, size_t len, uint8_t out[IKE_NODE_HASH])
{
	struct ike_chunk whole = {message, len};
	uint8_t hash[IKE_HASH_MAX] = {0};

	// A failure of the library hashes to zeros: at worst a message is taken for a copy and
	// lost.
	if (ike_crypto_hash(c->crypto, IKE_HASH_SHA1, &whole, 1, hash) < 0)
		memset(hash, 0, sizeof(hash));
	memcpy(out, hash, IKE_NODE_HASH);
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

static bool node_is_last(const struct control *c, const struct ike_node *n)
{
	return n->last && node_is_needed(c, n);
}

bool node_is_full(const struct control *c, const struct ike_sa *sa)
{
	unsigned n = 0;

	if (sa->n_nodes < IKE_NODES_LAST_MAX)
		return false;
	for (unsigned i = 0; i < sa->n_nodes; i++)
		n += node_is_last(c, &sa->nodes[i]);
	return n + QUICK_MODES_OURS >= IKE_NODES_LAST_MAX;
}

// More room, up to `most`. True if there is.
static bool ring_grow(struct ike_sa *sa, unsigned most)
{
	unsigned n = sa->n_nodes ? sa->n_nodes * 2u : RING_FIRST;
	struct ike_node *nodes;

	if (n > most)
		return false;
	nodes = realloc(sa->nodes, n * sizeof(*nodes));
	if (!nodes)
		return false;
	memset(nodes + sa->n_nodes, 0, (n - sa->n_nodes) * sizeof(*nodes));
	sa->node_next = sa->n_nodes;
	sa->nodes = nodes;
	sa->n_nodes = (uint16_t)n;
	return true;
}

// Goes on to the oldest node that need not be kept. False: all must be.
static bool ring_turn(const struct control *c, struct ike_sa *sa,
                      bool (*is_kept)(const struct control *c, const struct ike_node *n))
{
	for (unsigned i = 0; i < sa->n_nodes; i++) {
		unsigned at = (sa->node_next + i) % sa->n_nodes;

		if (is_kept(c, &sa->nodes[at]))
			continue;
		sa->node_next = (uint16_t)at;
		return true;
	}
	return false;
}

// One that is not remembered any more, or a new one; if there are many, one that is not needed; if
// there can be none, the oldest, but rather another than a last message.
static struct ike_node *node_slot(struct control *c, struct ike_sa *sa, bool last)
{
	struct ike_node *n;

	if (!ring_turn(c, sa, node_is_fresh) && !ring_grow(sa, IKE_NODES) &&
	    !ring_turn(c, sa, node_is_needed) &&
	    !ring_grow(sa, last ? IKE_NODES_LAST_MAX : IKE_NODES_MAX))
		ring_turn(c, sa, node_is_last);
	if (!sa->n_nodes)
		return NULL;
	n = &sa->nodes[sa->node_next];
	sa->node_next = (uint16_t)((sa->node_next + 1u) % sa->n_nodes);
	if (n->used && n->message_id)
		ike_debug_node_purge(c, sa, n->message_id);
	node_clear(n);
	return n;
}

// ---- by age -------------------------------------------------------------------------------------

static void age_unlink(struct control *c, struct ike_sa *sa)
{
	if (!sa->nodes)
		return;
	*(sa->older ? &sa->older->newer : &c->oldest_nodes) = sa->newer;
	*(sa->newer ? &sa->newer->older : &c->newest_nodes) = sa->older;
	sa->older = sa->newer = NULL;
}

static void age_link(struct control *c, struct ike_sa *sa)
{
	sa->remembered = c->now;
	sa->older = c->newest_nodes;
	*(c->newest_nodes ? &c->newest_nodes->newer : &c->oldest_nodes) = sa;
	c->newest_nodes = sa;
}

static void on_age(void *ctx, struct wheel_timer *timer);

// The timer stands for the oldest SA at the time when it was armed, or an older one.
static void age_arm(struct control *c)
{
	if (c->oldest_nodes && !wheel_is_armed(&c->node_age))
		wheel_arm(&c->wheel, &c->node_age, c->oldest_nodes->remembered + NODE_LIFE, on_age);
}

static void on_age(void *ctx, struct wheel_timer *timer)
{
	struct control *c = ctx;

	(void)timer;
	for (unsigned i = 0; i < AGE_CHUNK && c->oldest_nodes; i++) {
		if (tick_diff(c->now, c->oldest_nodes->remembered) < (int32_t)NODE_LIFE)
			break;
		node_forget_all(c, c->oldest_nodes);
	}
	age_arm(c);
}

// ---- remembering -------------------------------------------------------------------------------

void node_add(struct control *c, struct ike_sa *sa, uint32_t message_id,
              const uint8_t hash[IKE_NODE_HASH], const void *answer, uint16_t answer_len, bool last)
{
	struct ike_node *n = node_find(c, sa, message_id);

	age_unlink(c, sa);
	if (n)
		node_clear(n);
	else
		n = node_slot(c, sa, last);
	if (sa->nodes)
		age_link(c, sa);
	age_arm(c);
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
	n->last = last;
}

void node_drop_answer(struct ike_sa *sa, uint32_t message_id)
{
	for (unsigned i = 0; i < sa->n_nodes; i++)
		if (sa->nodes[i].used && sa->nodes[i].message_id == message_id) {
			free(sa->nodes[i].answer);
			sa->nodes[i].answer = NULL;
		}
}

void node_forget_all(struct control *c, struct ike_sa *sa)
{
	age_unlink(c, sa);
	if (!c->oldest_nodes)
		wheel_cancel(&c->wheel, &c->node_age);
	for (unsigned i = 0; i < sa->n_nodes; i++)
		node_clear(&sa->nodes[i]);
	free(sa->nodes);
	sa->nodes = NULL;
	sa->n_nodes = sa->node_next = 0;
}
