// See child_ends.h: a queue of handles, since children and peers may go while they wait. Control
// core only. Must not send.
#include "child_ends.h"

#include <stdlib.h>

#include "bounds.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "peer.h"

#define LOT 250u // some KB

struct child_lot {
	struct child_lot *next;
	unsigned n, at; // written and taken so far
	struct child_end {
		struct handle child;
		const char *why;
		bool again;
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
	*place = (struct child_end){.child = slab_handle(ch), .why = why, .again = again};
}

// False: there is none.
static bool take(struct control *c, struct child_end *out)
{
	struct child_lot *lot = c->child_ends.first;

	if (!lot)
		return false;
	*out = lot->ends[lot->at++];
	if (lot->at == lot->n) {
		c->child_ends.first = lot->next;
		if (!lot->next)
			c->child_ends.last = NULL;
		free(lot);
	}
	return true;
}

bool child_ends_step(struct control *c)
{
	struct child_end e;

	for (unsigned n = 0; n < ENDS_AT_A_TIME && take(c, &e); n++) {
		struct child *ch = slab_get(&c->children, e.child);

		// What a peer has left that ends is teardown.c's, which knows where its flows go.
		if (ch && ch->peer->state != PEER_ENDING)
			end(c, ch, e.again, e.why);
	}
	return c->child_ends.first;
}

void child_ends_fini(struct control *c)
{
	struct child_end e;

	while (take(c, &e))
		;
}
