// Phase 2 exchanges of an IKE SA. Control core only. Must not send: quick.c does.
#include "exchange.h"

#include <stdlib.h>

#include "child.h"
#include "control.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "node.h"
#include "peer.h"
#include "secret.h"

struct exchange *exchange_create(struct ike_sa *sa, uint32_t message_id, bool initiator)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->sa = sa;
	x->message_id = message_id;
	x->initiator = initiator;
	x->next = sa->exchanges;
	sa->exchanges = x;
	return x;
}

struct exchange *exchange_find(const struct ike_sa *sa, uint32_t message_id)
{
	struct exchange *x;

	for (x = sa->exchanges; x; x = x->next)
		if (x->message_id == message_id)
			return x;
	return NULL;
}

void exchange_note_heard(struct ike_sa *sa)
{
	struct exchange *x;

	for (x = sa->exchanges; x; x = x->next)
		x->heard = true;
}

unsigned exchange_count(const struct ike_sa *sa, bool initiator)
{
	const struct exchange *x;
	unsigned n = 0;

	for (x = sa->exchanges; x; x = x->next)
		n += x->initiator == initiator;
	return n;
}

// Many at a time: asking the system for each would be a third of what a probe costs.
static uint32_t random_id(struct control *c)
{
	if (c->n_message_ids == 0) {
		secret_random(c->message_ids, sizeof(c->message_ids));
		c->n_message_ids = sizeof(c->message_ids) / sizeof(c->message_ids[0]);
	}
	return c->message_ids[--c->n_message_ids];
}

uint32_t exchange_new_id(struct control *c, struct ike_sa *sa)
{
	uint32_t id;

	do
		id = random_id(c);
	while (!id || exchange_find(sa, id) || node_find(c, sa, id));
	return id;
}

void exchange_end(struct control *c, struct exchange *x)
{
	struct exchange **link = &x->sa->exchanges;

	while (*link != x)
		link = &(*link)->next;
	*link = x->next;
	retransmit_stop(c, &x->retransmit);
	free(x->attributes);
	secret_wipe(x, sizeof(*x));
	free(x);
}

void exchange_fail(struct control *c, struct exchange *x, const char *why)
{
	struct child *ch = x->child;

	ike_debug_node_delete(c, x->sa, x->message_id, true, why);
	if (!x->initiator) // a copy of its first message must not begin it again
		node_add(c, x->sa, x->message_id, x->retransmit.request, NULL, 0, false);
	exchange_end(c, x);
	if (ch)
		child_failed(c, ch, why);
}

void exchange_disown(struct control *c, const struct exchange *x)
{
	struct peer *p = x->sa->peer;
	struct ike_sa *sa = peer_ike_sa(p);

	if (x->state == EXCHANGE_R_SENT_2 && x->child && p->state != PEER_ENDING)
		ike1_delete_child(c, sa ? sa : x->sa, x->child);
}

// Of ours on an IKE SA whose peer has another one: it has not failed.
static void exchange_move(struct control *c, struct exchange *x)
{
	struct child *ch = x->child;

	ike_debug_node_delete(c, x->sa, x->message_id, true, "the IKE SA has ended");
	exchange_end(c, x);
	child_restart(c, ch);
}

void exchange_end_all(struct control *c, struct ike_sa *sa)
{
	struct exchange *x;

	while ((x = sa->exchanges)) {
		const struct ike_sa *other = peer_ike_sa(sa->peer);

		if (x->initiator && x->child && sa->peer->state != PEER_ENDING && other) {
			exchange_move(c, x);
			continue;
		}
		if (other && other != sa)
			exchange_disown(c, x);
		exchange_fail(c, x, "the IKE SA has ended");
	}
}

struct child *exchange_negotiated(const struct ike_sa *sa)
{
	struct exchange *x;

	for (x = sa->exchanges; x; x = x->next)
		if (x->child)
			return x->child;
	return NULL;
}

void exchange_child_gone(struct control *c, const struct child *ch)
{
	struct ike_sa *sa;
	struct exchange *x, *next;

	for (sa = ch->peer->ike_sas; sa; sa = sa->next)
		for (x = sa->exchanges; x; x = next) {
			next = x->next;
			if (x->child != ch)
				continue;
			exchange_disown(c, x);
			exchange_end(c, x);
		}
}
