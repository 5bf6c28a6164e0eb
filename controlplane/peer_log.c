// See peer_log.h: lines are counted in stretches of some seconds. Control core only.
#include "peer_log.h"

#include "addr.h"
#include "bounds.h"
#include "control.h"
#include "peer.h"

#define STRETCHES 0x1000u // are told apart; half a day

static void tell(struct control *c, struct peer *p)
{
	char addr[ADDR_TEXT];

	if (p->lines_left_out)
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "PEER_LOG",
		        "%u%s messages about peer %s:%u were not logged", p->lines_left_out,
		        p->lines_left_out == UINT8_MAX ? " or more" : "",
		        addr_format(&p->remote, addr), p->remote_port);
	p->lines_left_out = 0;
}

static void leave_out(struct control *c, struct peer *p)
{
	char addr[ADDR_TEXT];

	if (!p->lines_left_out)
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "PEER_LOG",
		        "Peer %s:%u causes many messages: more of them are not logged for up to "
		        "%u seconds",
		        addr_format(&p->remote, addr), p->remote_port, PEER_LOG_WITHIN);
	if (p->lines_left_out < UINT8_MAX)
		p->lines_left_out++;
}

bool peer_log_may(struct control *c, struct peer *p, enum peer_log_kind kind)
{
	unsigned stretch = c->now / ticks_from_seconds(PEER_LOG_WITHIN) % STRETCHES;
	unsigned most = kind == PEER_LOG_STATUS ? PEER_LOG_LINES : PEER_LOG_LINES / 2;

	if (p->state == PEER_ENDING)
		return true;
	if (p->lines_in != stretch) {
		p->lines_in = stretch;
		p->lines = 0;
		tell(c, p);
	}
	if (p->lines >= most) {
		leave_out(c, p);
		return false;
	}
	p->lines++;
	return true;
}

void peer_log_end(struct control *c, struct peer *p)
{
	tell(c, p);
}
