// The lines of `debug crypto isakmp`. Control core only. Must change nothing: every function only
// prints, and returns at once while debugging is off.
#include "ike_debug.h"

#include <stdio.h>

#include "addr.h"
#include "control.h"
#include "peer.h"

void ike_debug_line(struct control *c, const struct ike_sa *sa, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	if (!c->log.debug_isakmp)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sa)
		log_isakmp(&c->log, "ISAKMP:(0:%u:SW:1):%s", sa->conn_id, text);
	else
		log_isakmp(&c->log, "ISAKMP: %s", text);
}

// The number that lines print as an SA's or peer's address: the same for one object while it lives,
// and no address.
static uint32_t number_of(const struct slab_item *item)
{
	return 0x80000000u | (item->index << 8) | (item->generation & 0xff);
}

static char role_of(const struct ike_sa *sa)
{
	return sa->initiator ? 'I' : 'R';
}

void ike_debug_sending(struct control *c, const struct ike_sa *sa)
{
	char text[ADDR_TEXT];

	if (!c->log.debug_isakmp)
		return;
	ike_debug_line(c, sa, " sending packet to %s my_port %u peer_port %u (%c) %s",
	               addr_format(&sa->peer->remote, text), sa->local_port, sa->remote_port,
	               role_of(sa), ike_state_show(sa));
}

void ike_debug_received(struct control *c, const struct ike_sa *sa, const struct dp_view *v)
{
	char text[ADDR_TEXT];

	if (!c->log.debug_isakmp)
		return;
	log_isakmp(&c->log,
	           "ISAKMP (0:%u): received packet from %s dport %u sport %u Global (%c) %s",
	           sa ? sa->conn_id : 0, addr_format(&v->src, text), v->dst_port, v->src_port,
	           sa ? role_of(sa) : 'N', sa ? ike_state_show(sa) : "NEW SA");
}

void ike_debug_node_new(struct control *c, const struct ike_sa *sa, uint32_t message_id)
{
	ike_debug_line(c, NULL, "set new node %d to %s", (int32_t)message_id, ike_state_show(sa));
}

void ike_debug_node_purge(struct control *c, const struct ike_sa *sa, uint32_t message_id)
{
	ike_debug_line(c, sa, "purging node %d", (int32_t)message_id);
}

void ike_debug_node_delete(struct control *c, const struct ike_sa *sa, uint32_t message_id,
                           bool error, const char *reason)
{
	ike_debug_line(c, sa, "deleting node %d error %s reason \"%s\"", (int32_t)message_id,
	               error ? "TRUE" : "FALSE", reason);
}

// "Input = IKE_MSG_FROM_PEER, IKE_MM_EXCH" and "Old State = X New State = Y".
static void step(struct control *c, const struct ike_sa *sa, const char *input, const char *event,
                 enum ike_state before, enum ike_state after)
{
	if (!c->log.debug_isakmp)
		return;
	ike_debug_line(c, sa, "Input = %s, %s", input, event);
	ike_debug_line(c, sa, "Old State = %s New State = %s", ike_state_name(before),
	               ike_state_name(after));
}

void ike_debug_event(struct control *c, const struct ike_sa *sa, const char *input,
                     const char *event)
{
	step(c, sa, input, event, sa->state, sa->state);
}

void ike_debug_hash(struct control *c, const struct ike_sa *sa, uint32_t message_id)
{
	ike_debug_line(c, sa, " processing HASH payload. message ID = %d", (int32_t)message_id);
}

void ike_debug_notify(struct control *c, const struct ike_sa *sa, const char *name,
                      uint32_t message_id)
{
	ike_debug_line(c, sa, " processing NOTIFY %s protocol 1 spi 0, message ID = %d, sa = %X",
	               name, (int32_t)message_id, number_of(&sa->slab));
}

void ike_debug_dpd(struct control *c, const struct ike_sa *sa, const char *name, uint32_t sequence)
{
	char text[ADDR_TEXT];

	if (c->log.debug_isakmp)
		ike_debug_line(c, sa, " DPD/%s received from peer %s, sequence 0x%X", name,
		               addr_format(&sa->peer->remote, text), sequence);
}

void ike_debug_loss(struct control *c, const struct peer *p)
{
	ike_debug_line(c, peer_ike_sa(p), "incrementing error counter on sa: PEERS_ALIVE_TIMER");
}

void ike_debug_not_responding(struct control *c, const struct peer *p, const struct ike_sa *sa)
{
	char text[ADDR_TEXT];

	if (!c->log.debug_isakmp)
		return;
	ike_debug_line(c, sa, "peer %s not responding!", addr_format(&p->remote, text));
	ike_debug_line(c, sa, "peer does not do paranoid keepalives.");
}

void ike_debug_deleting(struct control *c, const struct ike_sa *sa, const char *why)
{
	char text[ADDR_TEXT];

	if (c->log.debug_isakmp)
		ike_debug_line(
			c, sa, "deleting SA reason \"%s\" state (%c) %s (peer %s) input queue 0",
			why, role_of(sa), ike_state_show(sa), addr_format(&sa->peer->remote, text));
}

void ike_debug_children_gone(struct control *c, const struct peer *p)
{
	if (c->log.debug_isakmp)
		ike_debug_line(c, NULL, "Unlocking IPSEC struct 0x%X from delete_siblings, count 0",
		               number_of(&p->slab));
}

void ike_debug_released(struct control *c, const struct peer *p, uint32_t spi)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT];

	if (!c->log.debug_isakmp)
		return;
	ike_debug_line(c, NULL, "received ke message (4/1)");
	ike_debug_line(c, NULL, "received ke message (3/1)");
	ike_debug_line(
		c, NULL,
		"ignoring request to send delete notify (no ISAKMP sa) src %s dst %s for SPI "
		"0x%X",
		addr_format(&p->local, local), addr_format(&p->remote, remote), spi);
}

// The exchanges that are remembered: those of which a second copy may still come, and those that
// have not ended.
static void debug_nodes(struct control *c, const struct ike_sa *sa, bool error, const char *reason)
{
	for (unsigned i = 0; i < sa->n_nodes; i++)
		if (sa->nodes[i].message_id)
			ike_debug_node_delete(c, sa, sa->nodes[i].message_id, error, reason);
}

void ike_debug_dest_sa(struct control *c, const struct peer *p, const struct ike_sa *sa)
{
	char text[ADDR_TEXT];
	uint32_t id = number_of(&p->slab);

	if (!c->log.debug_isakmp || !sa)
		return;
	step(c, sa, "IKE_MSG_FROM_TIMER", "IKE_TIMER_PEERS_ALIVE", IKE_P1_COMPLETE, IKE_DEST_SA);
	ike_debug_deleting(c, sa, "peers alive");
	ike_debug_line(c, NULL, "Unlocking IKE struct 0x%X for isadb_mark_sa_deleted(), count 0",
	               id);
	ike_debug_line(c, NULL, "Deleting peer node by peer_reap for %s: %X",
	               addr_format(&p->remote, text), id);
	debug_nodes(c, sa, true, "peers alive");
	step(c, sa, "IKE_MSG_INTERNAL", "IKE_PHASE1_DEL", IKE_DEST_SA, IKE_DEST_SA);
}

void ike_debug_last_pass(struct control *c, const struct ike_sa *sa)
{
	if (!c->log.debug_isakmp)
		return;
	ike_debug_deleting(c, sa, "");
	debug_nodes(c, sa, false, "");
	step(c, sa, "IKE_MESG_FROM_PEER", "IKE_MM_EXCH", IKE_DEST_SA, IKE_DEST_SA);
}
