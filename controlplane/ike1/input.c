// ISAKMP messages from the network: which IKE SA, which exchange. Control core only. Whatever is
// wrong with a message is counted, and the message is dropped.
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"
#include "control.h"
#include "ike1.h"
#include "ike_sa.h"
#include "info.h"
#include "main_mode.h"
#include "natt.h"
#include "output.h"
#include "peer.h"
#include "quick.h"

// What other versions and other exchanges are asked for, politely refused.
static void unsupported(struct control *c, const struct dp_view *v, const struct isakmp_header *h,
                        const char *what, uint16_t notify)
{
	char text[ADDR_TEXT];

	c->counters.ike_unsupported++;
	if (output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "IKMP_NOT_ACTIVE",
		        "%s asks for %s, which is not active in this version",
		        addr_format(&v->src, text), what);
	if (notify)
		info_refuse_stranger(c, v, h, notify);
}

static bool is_zero(const uint8_t cookie[8])
{
	static const uint8_t none[8];

	return memcmp(cookie, none, sizeof(none)) == 0;
}

// A message that names no IKE SA of ours.
static void input_new(struct control *c, const struct dp_view *v, const struct isakmp_header *h)
{
	bool first = is_zero(h->cookie_r);

	if (first && h->exchange == ISAKMP_EXCHANGE_MAIN)
		main_mode_respond(c, v, h);
	else if (first && h->exchange == ISAKMP_EXCHANGE_AGGRESSIVE)
		unsupported(c, v, h, "aggressive mode", NOTIFY_UNSUPPORTED_EXCHANGE_TYPE);
	else
		c->counters.ike_unknown++;
}

static void input_of(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                     const struct isakmp_header *h)
{
	switch (h->exchange) {
	case ISAKMP_EXCHANGE_MAIN:
		main_mode_input(c, sa, v, h);
		break;
	case ISAKMP_EXCHANGE_QUICK:
		quick_input(c, sa, v, h);
		break;
	case ISAKMP_EXCHANGE_INFO:
		info_input(c, sa, v, h);
		break;
	case ISAKMP_EXCHANGE_AGGRESSIVE:
	case ISAKMP_EXCHANGE_TRANSACTION:
		unsupported(c, v, h, isakmp_exchange_name(h->exchange), 0);
		break;
	default:
		c->counters.ike_malformed++;
	}
}

#define PREFETCHED 16u

static void fetch(const void *at, size_t size)
{
	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch((const char *)at + i);
}

// The IKE SA that the responder's cookie seems to name, or else the initiator's: of one that is not
// ours the first half is hardly ever a slot in use. Which it is shows when its lines are there.
static struct ike_sa *guess(const struct control *c, const struct dp_view *v)
{
	struct reader r = reader_make(v->data, v->len);
	struct ike_sa *initiated = slab_place(&c->ike_sas, reader_u32(&r)), *sa;

	reader_take(&r, 4);
	sa = slab_place(&c->ike_sas, reader_u32(&r));
	if (!reader_ok(&r))
		return NULL;
	return sa ? sa : initiated;
}

// In steps for all of them, each over what the one before has brought: SA, peer.
void ike1_prefetch(const struct control *c, const struct dp_view *views, unsigned n)
{
	const struct ike_sa *sas[PREFETCHED];

	n = n < PREFETCHED ? n : PREFETCHED;
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(views[i].data);
	for (unsigned i = 0; i < n; i++) {
		sas[i] = guess(c, &views[i]);
		if (sas[i])
			fetch(sas[i], sizeof(*sas[i]));
	}
	for (unsigned i = 0; i < n; i++)
		if (sas[i] && sas[i]->slab.generation && sas[i]->peer)
			fetch(sas[i]->peer, sizeof(*sas[i]->peer));
}

#define COOKIE_LEN    8
#define MESSAGES_MOST 32 // of a phase 1, before its messages are any stranger's

// Whoever begins a phase 1 gets a cookie of ours, and what bears it comes before what strangers
// send. Three messages are enough, and some repetitions. Who sends more, of whatever kind and from
// wherever, is heard with the strangers.
static void count_message(struct control *c, const uint8_t cookie[8])
{
	struct ike_sa *sa = ike_sa_of_cookie(c, cookie);

	if (sa && !ike_sa_is_established(sa) && ++sa->messages == MESSAGES_MOST)
		dp_ike_mark(c->dp, sa->slab.index, 0);
}

void ike1_input(struct control *c, const struct dp_view *v)
{
	struct isakmp_header h;
	struct ike_sa *sa;
	int err;

	if (v->len >= 2 * COOKIE_LEN) {
		count_message(c, v->data);
		count_message(c, v->data + COOKIE_LEN);
	}
	err = isakmp_header_read(v->data, v->len, &h);
	if (err == -EPROTONOSUPPORT && h.version >> 4 == 2) {
		unsupported(c, v, &h, "IKEv2",
		            is_zero(h.cookie_r) ? NOTIFY_INVALID_MAJOR_VERSION : 0);
		return;
	}
	if (err < 0) {
		c->counters.ike_malformed++;
		return;
	}
	sa = ike_sa_find(c, h.cookie_i, h.cookie_r);
	c->input_by = (uint16_t)(v->iface + 1);
	if (!sa)
		input_new(c, v, &h);
	else if ((addr_equal(&sa->peer->remote, &v->src) &&
	          addr_equal(&sa->peer->local, &v->dst)) ||
	         (h.exchange == ISAKMP_EXCHANGE_INFO && natt_may_be_its(sa, v)))
		input_of(c, sa, v, &h);
	else
		c->counters.ike_unknown++;
	c->input_by = 0;
}
