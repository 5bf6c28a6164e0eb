// The ESP half of a worker apart from packets: its making, messages about SAs and flows, limits.
// [W] but for init and fini. An event that control must not miss is kept and raised again.
#include "esp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp_internal.h"
#include "flow_cache.h"
#include "flow_memo.h"
#include "sa_fill.h"
#include "sa_limits.h"
#include "split.h"

int worker_esp_init(struct worker *w)
{
	struct worker_esp *esp = calloc(1, sizeof(*esp));

	if (!esp)
		return -ENOMEM;
	esp->crypto = crypto_create();
	if (!esp->crypto) {
		int err = errno;

		free(esp);
		return -err;
	}
	w->flows = flow_cache_create(w->dp->limits.max_tunnels, SOCKET_ID_ANY);
	w->memo = flow_memo_create(w->dp->limits.max_tunnels, SOCKET_ID_ANY);
	if (!w->flows || !w->memo) {
		flow_memo_destroy(w->memo);
		flow_cache_destroy(w->flows);
		crypto_destroy(esp->crypto);
		free(esp);
		return -ENOMEM;
	}
	tunnel_worker_init(&esp->tunnels);
	dummy_init(&esp->dummies);
	w->esp = esp;
	return 0;
}

void worker_esp_fini(struct worker *w)
{
	if (!w->esp)
		return;
	split_fini(w);
	tunnel_worker_fini(&w->esp->tunnels);
	crypto_destroy(w->esp->crypto);
	flow_memo_destroy(w->memo);
	flow_cache_destroy(w->flows);
	free(w->esp);
	w->esp = NULL;
}

static bool raise_once(struct worker *w, struct sa *sa, enum sa_flags what, enum dp_event_kind kind)
{
	struct dp_event event = {.kind = kind, .sa = esp_handle(sa), .tunnel = sa->tunnel};

	if (!(sa->flags & what) && worker_event(w, &event))
		sa->flags |= (uint8_t)what;
	return sa->flags & what;
}

static uint64_t packets_used(const struct sa *sa)
{
	return sa->direction == SA_OUT ? sa->sequence : sa->packets;
}

// RFC 4303 3.3.3: the sequence number must not cycle. Ask for a new SA while 2^28 are left.
#define SEQUENCE_LEFT (1u << 28)

// The last packet, the soft limit's or the hard one's.
static uint64_t last_packet(const struct sa *sa, bool soft)
{
	uint64_t last = UINT64_MAX;

	if (sa->direction == SA_OUT && !sa_is_esn(sa))
		last = UINT32_MAX;
	if (sa->direction == SA_OUT && soft)
		last -= SEQUENCE_LEFT;
	if (sa->more)
		last = RTE_MIN(last, sa->more->hard_packets);
	if (sa->more && soft)
		last = RTE_MIN(last, sa->more->soft_packets);
	return last;
}

// The last byte. The soft limit comes a sixteenth before the hard one.
static uint64_t last_byte(const struct sa *sa, bool soft)
{
	uint64_t last = (uint64_t)sa->kilobytes << 10;

	if (!last)
		return UINT64_MAX;
	return soft ? last - last / 16 : last;
}

bool sa_limits_renew(struct sa *sa, uint32_t packets, uint64_t bytes)
{
	bool soft = !(sa->flags & SA_RAISED_SOFT);
	uint64_t used = packets_used(sa), last = last_packet(sa, soft), end = last_byte(sa, soft);
	uint64_t left = last > used ? last - used : 0;
	uint64_t left_bytes = end > sa->bytes ? end - sa->bytes : 0;

	sa->until = used + RTE_MIN(RTE_MIN(left, left_bytes / UINT16_MAX), SA_LIMITS_AHEAD);
	return left <= packets || left_bytes <= bytes;
}

bool esp_limit(struct worker *w, struct sa *sa)
{
	uint64_t packets = packets_used(sa);

	if (packets >= last_packet(sa, false) || sa->bytes >= last_byte(sa, false)) {
		raise_once(w, sa, SA_RAISED_HARD, DP_EVENT_SA_HARD);
		return false;
	}
	raise_once(w, sa, SA_RAISED_SOFT, DP_EVENT_SA_SOFT);
	return true;
}

// ---- messages --------------------------------------------------------------------------------

static bool gone_send(struct worker *w, const struct sa *sa)
{
	struct dp_event event = {
		.kind = DP_EVENT_SA_GONE, .sa = esp_handle(sa), .tunnel = sa->tunnel};

	return worker_event(w, &event);
}

static void sa_del(struct worker *w, const struct message *msg)
{
	struct worker_esp *esp = w->esp;
	struct sa *sa = sa_table_at(w->dp->sas, msg->sa.index);

	sa->live = 0;
	if (sa->direction == SA_OUT) {
		tunnel_forget_sa(w, sa->tunnel, msg->sa);
		dummy_disarm(w, sa);
	}
	if (esp->gone || !gone_send(w, sa)) {
		sa->spi = esp->gone; // nothing looks at it any more
		esp->gone = sa->slot + 1;
	}
}

static void gone_retry(struct worker *w)
{
	struct worker_esp *esp = w->esp;

	while (esp->gone) {
		const struct sa *sa = sa_table_at(w->dp->sas, esp->gone - 1);
		// Read before the event: then the slot is control's.
		uint32_t next = sa->spi;

		if (!gone_send(w, sa))
			return;
		esp->gone = next;
	}
}

void sa_messages(struct worker *w, const struct message *msg)
{
	struct sa *sa;

	switch (msg->kind) {
	case MESSAGE_SA_ADD:
		sa = sa_table_at(w->dp->sas, msg->sa.index);
		sa->live = 1;
		break;
	case MESSAGE_SA_DEL:
		sa_del(w, msg);
		break;
	case MESSAGE_SA_MOVE:
		sa = sa_table_at(w->dp->sas, msg->sa.index);
		sa_fill_move(sa, &msg->to, msg->port);
		break;
	case MESSAGE_SA_FORGET_PLACE:
		sa_table_at(w->dp->sas, msg->sa.index)->from_port = 0;
		break;
	case MESSAGE_SA_MTU:
		sa = sa_table_at(w->dp->sas, msg->sa.index);
		sa->out.mtu = (uint16_t)msg->word;
		break;
	case MESSAGE_TUNNEL_ADD:
		tunnel_on_add(w, msg);
		break;
	case MESSAGE_TUNNEL_DEL:
		tunnel_on_del(w, msg);
		break;
	case MESSAGE_TUNNEL_USE:
		tunnel_on_use(w, msg);
		break;
	case MESSAGE_TUNNEL_REFUSE:
		tunnel_on_refuse(w, msg);
		break;
	case MESSAGE_TUNNEL_PEER:
		tunnel_on_peer(w, msg);
		break;
	default:
		break;
	}
}

void worker_esp_tick(struct worker *w)
{
	gone_retry(w);
	tunnel_tick(w);
}
