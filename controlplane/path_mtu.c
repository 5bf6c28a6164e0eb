// Decides whether a report about the path MTU is believed (RFC 4301, 8.2.1). Control core only. The
// report is not authentic: it must name an SA that only we, the peer and those on the path know, it
// only ever lowers the MTU, not below what every path has, and it is forgotten after ten minutes.
#include "path_mtu.h"

#include "addr.h"
#include "child.h"
#include "control.h"
#include "manual.h"
#include "peer.h"
#include "peer_timers.h"

#define MTU_MIN_V4 576  // RFC 791: every host takes it; less is no path but an attack
#define MTU_MIN_V6 1280 // RFC 8200, 5

static struct child *sender_on(const struct control *c, const struct dp_event *ev, uint16_t port)
{
	struct child *ch = NULL;
	struct peer *p = NULL;

	while (!ch && (p = peer_next_at(c, &ev->local, &ev->addr, port, p)))
		ch = child_find_out(c, p, ev->spi);
	return ch;
}

// What the report is about. ESP in UDP goes where IKE goes; who gets it native is behind no NAT, so
// that its IKE comes from one of IKE's own ports.
static struct child *sender_of(const struct control *c, const struct dp_event *ev)
{
	struct child *ch;

	if (ev->port)
		return sender_on(c, ev, ev->port);
	ch = sender_on(c, ev, IKE_PORT);
	if (!ch)
		ch = sender_on(c, ev, 4500);
	return ch ? ch : manual_find_out(c, &ev->local, &ev->addr, ev->spi);
}

static uint16_t current_mtu(const struct control *c, const struct child *ch)
{
	uint16_t iface = ch->flow->entry->iface;
	const struct config_interface *i;

	if (ch->path)
		return ch->path->mtu;
	i = iface < c->n_ports ? config_find_interface(c->config, c->ports[iface]) : NULL;
	if (!i)
		return CONFIG_MTU;
	return ch->peer->remote.family == 6 ? config_interface_mtu6(c->config, i)
	                                    : config_interface_mtu(c->config, i);
}

void path_mtu_heard(struct control *c, const struct dp_event *ev)
{
	struct child *ch = sender_of(c, ev);
	uint16_t mtu = ev->mtu, now;
	char text[ADDR_TEXT];

	if (!ch || !ch->flow || (ch->encap == SA_ENCAP_UDP) != !!ev->port)
		return;
	if (ev->addr.family == 6 && mtu < MTU_MIN_V6)
		mtu = MTU_MIN_V6;
	now = current_mtu(c, ch);
	if (mtu < MTU_MIN_V4 || mtu >= now)
		return;
	log_ipsec(&c->log, "IPSEC(adjust_mtu): adjusting path mtu from %u to %u, peer %s, spi 0x%x",
	          now, mtu, addr_format(&ev->addr, text), ev->spi);
	on_child_path_mtu(c, ch, mtu);
}
