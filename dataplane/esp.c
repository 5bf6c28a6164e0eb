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

static bool raise_once(struct worker *w, struct sa *sa, enum sa_raised what,
                       enum dp_event_kind kind)
{
	struct dp_event event = {.kind = kind, .sa = esp_handle(sa), .tunnel = sa->tunnel};

	if (!(sa->raised & what) && worker_event(w, &event))
		sa->raised |= (uint8_t)what;
	return sa->raised & what;
}

static uint64_t packets_used(const struct sa *sa)
{
	return sa->direction == SA_OUT ? sa->sequence : sa->packets;
}

bool sa_limits_renew(struct sa *sa, uint32_t packets, uint64_t bytes)
{
	bool soft = !(sa->raised & SA_RAISED_SOFT);
	uint64_t used = packets_used(sa);
	uint64_t last = soft ? RTE_MIN(sa->soft_packets, sa->hard_packets) : sa->hard_packets;
	uint64_t last_byte = soft ? RTE_MIN(sa->soft_bytes, sa->hard_bytes) : sa->hard_bytes;
	uint64_t left = last > used ? last - used : 0;
	uint64_t left_bytes = last_byte > sa->bytes ? last_byte - sa->bytes : 0;

	sa->until = used + RTE_MIN(RTE_MIN(left, left_bytes / UINT16_MAX), SA_LIMITS_AHEAD);
	return left <= packets || left_bytes <= bytes;
}

bool esp_limit(struct worker *w, struct sa *sa)
{
	uint64_t packets = packets_used(sa);

	if (packets >= sa->hard_packets || sa->bytes >= sa->hard_bytes) {
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
