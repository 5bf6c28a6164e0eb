// See farm_faults.h: what is late lies in one of 4096 lists by the millisecond in which it is due.
#include "farm_faults.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 4096u

struct held {
	struct held *next;
	struct farm_datagram d; // its data follows
};

static struct held *slots[SLOTS];
static uint32_t sent_until; // all before this has been sent
static bool running;

uint32_t farm_faults_random(struct farm_faults *f, uint32_t n)
{
	f->seed ^= f->seed << 13; // xorshift64, never 0
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return (uint32_t)((f->seed >> 32) * n >> 32);
}

static bool happens(struct farm_faults *f, double percent)
{
	return percent > 0 && farm_faults_random(f, 1000000) < percent * 10000;
}

static void hold(struct farm_faults *f, const struct farm_datagram *d, uint32_t due)
{
	struct held *h = malloc(sizeof(*h) + d->len);

	if (!h) {
		f->lost++;
		return;
	}
	h->d = *d;
	memcpy(h + 1, d->data, d->len);
	h->d.data = (const uint8_t *)(h + 1);
	h->next = slots[due % SLOTS];
	slots[due % SLOTS] = h;
	f->held++;
}

static void send_one(struct farm_faults *f, struct farm_net *net, const struct farm_datagram *d,
                     uint32_t now_ms)
{
	uint32_t wait = f->late ? farm_faults_random(f, f->late + 1) : 0;

	if (wait)
		hold(f, d, now_ms + wait);
	else
		farm_net_send(net, d);
}

void farm_faults_send(struct farm_faults *f, struct farm_net *net, const struct farm_datagram *d,
                      uint32_t now_ms)
{
	if (happens(f, f->loss)) {
		f->lost++;
		return;
	}
	send_one(f, net, d, now_ms);
	if (happens(f, f->dup)) {
		f->doubled++;
		send_one(f, net, d, now_ms);
	}
}

void farm_faults_turn(struct farm_faults *f, struct farm_net *net, uint32_t now_ms)
{
	(void)f;
	if (!running)
		sent_until = now_ms;
	running = true;
	for (; sent_until != now_ms + 1; sent_until++) {
		while (slots[sent_until % SLOTS]) {
			struct held *h = slots[sent_until % SLOTS];

			slots[sent_until % SLOTS] = h->next;
			farm_net_send(net, &h->d);
			free(h);
		}
	}
}
