// Echoes on the control core, one that is sent, one that is looked at a call. Must not wait for an
// answer: who asked looks again.
#include "echo.h"

#include "addr.h"
#include "control.h"

void echo_send(struct control *c, struct echo_order *o)
{
	struct dp_echo e = {.src = o->src, .dst = o->dst, .size = o->size, .df = o->df};
	struct ip_addr next_hop, source;
	struct echo *item;
	uint16_t iface;

	if (!e.src.family) {
		o->err = dp_route_find(c->dp, &o->dst, &iface, &next_hop, &source);
		if (o->err < 0)
			return;
		e.src = source;
	}
	e.sequence = o->sequence = c->echoes.next++;
	item = &c->echoes.items[e.sequence % ECHO_MAX];
	*item = (struct echo){.sequence = e.sequence,
	                      .state = ECHO_SENT,
	                      .dst = o->dst,
	                      .sent_us = dp_now_us(c->dp)};
	o->err = dp_echo_send(c->dp, &e);
	if (o->err < 0)
		item->state = ECHO_FREE;
}

void echo_look(const struct control *c, struct echo_order *o)
{
	const struct echo *item = &c->echoes.items[o->sequence % ECHO_MAX];

	o->answered = item->state == ECHO_ANSWERED && item->sequence == o->sequence;
	o->rtt_us = o->answered ? item->rtt_us : 0;
}

void echo_heard(struct control *c, const struct dp_event *ev)
{
	struct echo *item = &c->echoes.items[ev->port % ECHO_MAX];

	if (item->state != ECHO_SENT || item->sequence != ev->port ||
	    !addr_equal(&item->dst, &ev->addr))
		return;
	item->rtt_us = dp_now_us(c->dp) - item->sent_us;
	item->state = ECHO_ANSWERED;
}
