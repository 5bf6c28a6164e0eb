// See farm_traffic.h. One thread.
#include "farm_traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdlib.h>
#include <string.h>

#include "farm_answer.h"

#define FIRST_HOST   (FARM_HOSTS + 1)
#define IPV4         20
#define NAT_T_PORT   4500
#define OVERLOAD_LEN 40 // bytes of UDP
#define OVERLOAD_ESP 96 // and of the ESP that becomes of it, shorter than a ping's
#define GARBAGE_ESP  100
#define OVERLOAD_TO  9 // discard

// What a ping carries behind its ICMP header.
struct ping {
	uint32_t tunnel, number, sent_ms;
	uint8_t filling[44];
};

int farm_traffic_init(struct farm_traffic *t, struct farm *f, struct farm_net *wan, double percent)
{
	memset(t, 0, sizeof(*t));
	t->farm = f;
	t->wan = wan;
	t->n = (uint32_t)(f->n * percent / 100);
	t->n = t->n ? t->n : 1;
	t->tunnels = calloc(t->n, sizeof(*t->tunnels));
	f->traffic = calloc(f->n, sizeof(*f->traffic));
	if (!t->tunnels || !f->traffic)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t peer = (uint64_t)i * f->n / t->n + (t->n < f->n / 2 ? i % 2 : 0);

		t->tunnels[i].peer = (uint32_t)peer;
		f->traffic[peer] = true;
	}
	return 0;
}

void farm_traffic_fini(struct farm_traffic *t)
{
	free(t->tunnels);
	t->tunnels = NULL;
}

// The next tunnel that is up, or NULL. A peer that has died counts: the gateway does not know yet.
static struct farm_tunnel *next_tunnel(struct farm_traffic *t)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		struct farm_tunnel *one = &t->tunnels[t->next];

		t->next = (t->next + 1) % t->n;
		if (t->farm->peers[one->peer].state == FARM_UP && t->farm->peers[one->peer].esp)
			return one;
	}
	return NULL;
}

// ---- the host in the LAN ------------------------------------------------------------------------

void farm_traffic_ping(struct farm_traffic *t, uint32_t now_ms)
{
	const uint16_t len = sizeof(struct icmphdr) + sizeof(struct ping);
	struct farm_tunnel *one = next_tunnel(t);
	struct icmphdr *icmp;
	struct ping *ping;

	if (!one)
		return;
	icmp = (struct icmphdr *)farm_net_packet(&t->lan, FARM_LAN_HOST, FIRST_HOST + one->peer,
	                                         IPPROTO_ICMP, IPV4 + len);
	if (!icmp)
		return;
	memset(icmp, 0, len);
	icmp->type = ICMP_ECHO;
	icmp->un.echo.id = htons(0x5647);
	icmp->un.echo.sequence = htons((uint16_t)one->sent);
	ping = (struct ping *)(icmp + 1);
	ping->tunnel = (uint32_t)(one - t->tunnels);
	ping->number = one->sent++;
	ping->sent_ms = now_ms;
	icmp->checksum = (uint16_t)~rte_raw_cksum(icmp, len);
	t->pings++;
}

void farm_traffic_overload(struct farm_traffic *t)
{
	const struct farm_tunnel *one = next_tunnel(t);
	struct rte_udp_hdr *udp;

	if (!one)
		return;
	udp = (struct rte_udp_hdr *)farm_net_packet(&t->lan, FARM_LAN_HOST, FIRST_HOST + one->peer,
	                                            IPPROTO_UDP, IPV4 + OVERLOAD_LEN);
	if (!udp)
		return;
	memset(udp, 0, OVERLOAD_LEN);
	udp->src_port = htons(40000);
	udp->dst_port = htons(OVERLOAD_TO);
	udp->dgram_len = htons(OVERLOAD_LEN);
	t->extra_sent++;
}

static void answer_in(struct farm_traffic *t, const uint8_t *ip, uint16_t len, uint32_t now_ms)
{
	const struct icmphdr *icmp = (const struct icmphdr *)(ip + IPV4);
	const struct ping *ping = (const struct ping *)(icmp + 1);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)ip;

	if (h->next_proto_id != IPPROTO_ICMP ||
	    len != IPV4 + sizeof(struct icmphdr) + sizeof(struct ping) ||
	    icmp->type != ICMP_ECHOREPLY)
		return;
	if (ping->tunnel >= t->n || rte_raw_cksum(icmp, len - IPV4) != 0xffff ||
	    ntohl(h->src_addr) != FIRST_HOST + t->tunnels[ping->tunnel].peer) {
		t->bad++;
		return;
	}
	t->tunnels[ping->tunnel].answered++;
	t->answers++;
	histogram_add(&t->trip, now_ms - ping->sent_ms);
}

struct lan_turn {
	struct farm_traffic *t;
	uint32_t now_ms;
};

static void lan_in(void *arg, const uint8_t *ip, uint16_t len)
{
	const struct lan_turn *turn = arg;

	answer_in(turn->t, ip, len, turn->now_ms);
}

unsigned farm_traffic_turn(struct farm_traffic *t, uint32_t now_ms)
{
	struct lan_turn turn = {t, now_ms};
	unsigned n = farm_net_poll(&t->lan, lan_in, &turn);

	farm_net_flush(&t->lan);
	return n;
}

uint64_t farm_traffic_lost(const struct farm_traffic *t)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (!t->farm->peers[t->tunnels[i].peer].dead)
			lost += t->tunnels[i].sent - t->tunnels[i].answered;
	return lost;
}

// ---- the hosts behind the peers -----------------------------------------------------------------

// Makes an echo request its answer. False: it is none.
static bool make_answer(uint8_t *ip, int len)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)ip;
	struct icmphdr *icmp = (struct icmphdr *)(ip + IPV4);
	uint32_t src = h->src_addr;

	if (len < IPV4 + (int)sizeof(*icmp) || h->version_ihl != RTE_IPV4_VHL_DEF ||
	    h->next_proto_id != IPPROTO_ICMP || icmp->type != ICMP_ECHO)
		return false;
	h->src_addr = h->dst_addr;
	h->dst_addr = src;
	h->time_to_live = 64;
	h->hdr_checksum = 0;
	h->hdr_checksum = rte_ipv4_cksum(h);
	icmp->type = ICMP_ECHOREPLY;
	icmp->checksum = 0;
	icmp->checksum = (uint16_t)~rte_raw_cksum(icmp, (size_t)len - IPV4);
	return true;
}

static void send_esp(struct farm_traffic *t, uint32_t peer, const uint8_t *esp, uint16_t len)
{
	const struct farm_datagram d = {.src = FARM_PEERS + 1 + peer,
	                                .dst = FARM_GATEWAY,
	                                .src_port = NAT_T_PORT,
	                                .dst_port = NAT_T_PORT,
	                                .data = esp,
	                                .len = len};
	uint8_t *out;

	if (t->farm->peers[peer].floated) {
		farm_net_send(t->wan, &d);
		return;
	}
	out = farm_net_packet(t->wan, d.src, d.dst, IPPROTO_ESP, (uint16_t)(IPV4 + len));
	if (out)
		memcpy(out, esp, len);
}

// By the SA that is the newest, or the one before.
static int open_esp(struct farm_peer *p, const uint8_t *esp, uint16_t len, uint8_t *inner)
{
	struct farm_esp *before;
	uint32_t spi;

	if (len < sizeof(spi))
		return -1;
	memcpy(&spi, esp, sizeof(spi));
	spi = ntohl(spi);
	before = spi == p->spi_in ? NULL : farm_answer_esp(p, spi);
	return farm_esp_open(before ? before : p->esp, before ? spi : p->spi_in, esp, len, inner);
}

void farm_traffic_esp(struct farm_traffic *t, uint32_t peer, const uint8_t *esp, uint16_t len,
                      uint32_t now_ms)
{
	struct farm_peer *p = &t->farm->peers[peer];
	uint8_t inner[FARM_FRAME], answer[FARM_FRAME + FARM_ESP_OVERHEAD];
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)inner;
	int n;

	if (p->dead || !p->esp || len > sizeof(inner))
		return;
	if (len == OVERLOAD_ESP) { // too many to look at more of them
		t->extra++;
		return;
	}
	n = open_esp(p, esp, len, inner);
	if (n < IPV4 || ntohl(h->dst_addr) != FIRST_HOST + peer ||
	    ntohl(h->src_addr) != FARM_LAN_HOST || ntohs(h->total_length) != n) {
		t->bad++;
		return;
	}
	if (!make_answer(inner, n)) {
		t->bad++;
		return;
	}
	n = farm_esp_seal(p->esp, p->spi_out, inner, (uint16_t)n, answer);
	if (n < 0)
		abort();
	send_esp(t, peer, answer, (uint16_t)n);
	p->life_ms = now_ms;
	t->answered++;
}

void farm_traffic_garbage(struct farm_traffic *t)
{
	const struct farm_tunnel *one = next_tunnel(t);
	const struct farm_peer *p;
	uint8_t esp[GARBAGE_ESP];
	uint32_t head[2];

	if (!one)
		return;
	p = &t->farm->peers[one->peer];
	head[0] = htonl(p->spi_out);
	head[1] = htonl(p->esp->sent + 1 + (uint32_t)t->garbage_sent % 32);
	memset(esp, 0x5a, sizeof(esp));
	memcpy(esp, head, sizeof(head));
	send_esp(t, one->peer, esp, sizeof(esp));
	t->garbage_sent++;
}
