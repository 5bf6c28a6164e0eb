// The outbox: first in, first out, bounded in number and time. Control core only. Must not look at
// an IKE SA after it was filled.
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ike1.h"
#include "output.h"

#define KEPT_FOR ticks_from_seconds(10)
#define SENDS    64u // messages a turn

struct outbox_item {
	struct outbox_item *next;
	struct dp_datagram datagram; // its data is ours
	tick_t since;
	uint8_t message[];
};

void outbox_keep(struct control *c, const struct ike_sa *sa, const void *message, uint16_t len)
{
	struct outbox *o = &c->outbox;
	struct outbox_item *item = o->n < OUTBOX_MAX ? malloc(sizeof(*item) + len) : NULL;

	if (!item)
		return; // counted as not sent
	memcpy(item->message, message, len);
	item->next = NULL;
	item->datagram = output_datagram(sa, item->message, len);
	item->since = c->now;
	*(o->last ? &o->last->next : &o->first) = item;
	o->last = item;
	o->n++;
	c->counters.ike_unsent--;
}

static void drop_first(struct outbox *o)
{
	struct outbox_item *item = o->first;

	o->first = item->next;
	if (!o->first)
		o->last = NULL;
	o->n--;
	free(item);
}

unsigned ike1_send_kept(struct control *c)
{
	struct outbox *o = &c->outbox;
	unsigned n;

	for (n = 0; n < SENDS && o->first; n++) {
		int err = dp_datagram_send(c->dp, &o->first->datagram);

		if (err == -EAGAIN) {
			if (tick_diff(c->now, o->first->since) < (int32_t)KEPT_FOR)
				break;
			c->counters.ike_unsent++;
		}
		drop_first(o);
	}
	return n;
}

bool ike1_is_jammed(const struct control *c)
{
	return c->outbox.n >= OUTBOX_LONG;
}

void outbox_forget_all(struct control *c)
{
	while (c->outbox.first)
		drop_first(&c->outbox);
}
