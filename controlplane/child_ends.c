// See child_ends.h: a queue of handles, since children and peers may go while they wait. All that a
// peer has of before some time is one of them: its children lie by age, so that those are found
// without a look at the others. Control core only. Must not send.
#include "child_ends.h"

#include <limits.h>
#include <stdlib.h>

#include "bounds.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike_sa.h"
#include "peer.h"

#define LOT 250u // some KB

struct child_lot {
	struct child_lot *next;
	unsigned n, at; // written and taken so far
	struct child_end {
		struct handle of; // a child, or the peer of `older` ones
		const char *why;
		tick_t before; // those are older than this
		bool older, again;
	} ends[LOT];
};

static void end(struct control *c, struct child *ch, bool again, const char *why)
{
	struct flow *f = ch->flow && ch->flow->child == ch ? ch->flow : NULL;

	again = again && f && f->instance == FLOW_LINE; // an instance goes with its child
	child_delete(c, ch, false, why);
	if (again && !f->child)
		flow_acquire(c, f);
}

// Room for one more, or NULL.
static struct child_end *last_place(struct control *c)
{
	struct child_lot *lot = c->child_ends.last;

	if (lot && lot->n < LOT)
		return &lot->ends[lot->n++];
	lot = malloc(sizeof(*lot));
	if (!lot)
		return NULL;
	lot->next = NULL;
	lot->n = 1;
	lot->at = 0;
	*(c->child_ends.last ? &c->child_ends.last->next : &c->child_ends.first) = lot;
	c->child_ends.last = lot;
	return &lot->ends[0];
}

void child_ends_add(struct control *c, struct child *ch, bool again, const char *why,
                    unsigned *at_once)
{
	struct child_end *place;

	if (ch->ending)
		return;
	if (*at_once) {
		--*at_once;
		end(c, ch, again, why);
		return;
	}
	place = last_place(c);
	if (!place) { // a long turn is better than a tunnel that leads nowhere
		end(c, ch, again, why);
		return;
	}
	ch->ending = true;
	*place = (struct child_end){.of = slab_handle(ch), .why = why, .again = again};
}

// The first that is left to end, NULL: there is none, or what a peer that ends has left, of which
// teardown.c knows where its flows go.
static struct child *older_one(const struct control *c, const struct child_end *e)
{
	const struct peer *p = slab_get(&c->peers, e->of);

	return p && p->state != PEER_ENDING ? child_oldest(c, p, e->before) : NULL;
}

// Ends at most so many. False: there are no more.
static bool end_older(struct control *c, const struct child_end *e, unsigned *n)
{
	struct child *ch;

	while ((ch = older_one(c, e)) && *n) {
		--*n;
		end(c, ch, e->again, e->why);
	}
	return ch;
}

void child_ends_add_older(struct control *c, struct peer *p, tick_t before, bool again,
                          const char *why)
{
	struct child_end e = {slab_handle(p), why, before, .older = true, .again = again};
	unsigned at_once = ENDS_AT_A_TIME, all = UINT_MAX;
	struct child_end *place;

	if (!end_older(c, &e, &at_once))
		return;
	place = last_place(c);
	if (place)
		*place = e;
	else // as above
		end_older(c, &e, &all);
}

bool child_ends_soon(const struct child *ch)
{
	const struct ike_sa *sa;

	for (sa = ch->peer->ike_sas; sa; sa = sa->next)
		if (sa->contact && tick_before(ch->created, sa->created))
			return true;
	return ch->ending;
}

static struct child_end *first_place(const struct control *c)
{
	struct child_lot *lot = c->child_ends.first;

	return lot ? &lot->ends[lot->at] : NULL;
}

static void leave_first_place(struct control *c)
{
	struct child_lot *lot = c->child_ends.first;

	if (++lot->at < lot->n)
		return;
	c->child_ends.first = lot->next;
	if (!lot->next)
		c->child_ends.last = NULL;
	free(lot);
}

static void end_one(struct control *c, const struct child_end *e)
{
	struct child *ch = slab_get(&c->children, e->of);

	if (ch && ch->peer->state != PEER_ENDING) // as in older_one()
		end(c, ch, e->again, e->why);
}

bool child_ends_step(struct control *c)
{
	unsigned n = ENDS_AT_A_TIME;
	struct child_end *place;

	while (n && (place = first_place(c))) {
		struct child_end e = *place; // what ends may add others

		if (!e.older) {
			n--;
			leave_first_place(c);
			end_one(c, &e);
		} else if (!end_older(c, &e, &n)) {
			leave_first_place(c);
		}
	}
	return c->child_ends.first;
}

void child_ends_fini(struct control *c)
{
	while (c->child_ends.first)
		leave_first_place(c);
}
