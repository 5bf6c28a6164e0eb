// Writes router advertisements. Any thread; pure.
#include "router_message.h"

#include <string.h>

#include "bytes.h"
#include "nd_message.h"

#define ADVERTISEMENT   134
#define HOP_LIMIT       64 // what hosts are to send with
#define OPTION_SOURCE   1
#define OPTION_PREFIX   3
#define OPTION_MTU      5
#define FIXED           16 // bytes before the options
#define FLAG_MANAGED    0x80
#define FLAG_OTHER      0x40
#define FLAG_ON_LINK    0x80
#define FLAG_AUTOCONFIG 0x40

static void put_prefix(struct writer *w, const struct router_prefix *p)
{
	writer_u8(w, OPTION_PREFIX);
	writer_u8(w, 4); // times 8 bytes
	writer_u8(w, p->prefix.len);
	writer_u8(w, (uint8_t)((p->on_link ? FLAG_ON_LINK : 0) |
	                       (p->autoconfig ? FLAG_AUTOCONFIG : 0)));
	writer_u32(w, p->valid);
	writer_u32(w, p->preferred);
	writer_zero(w, 4);
	writer_put(w, p->prefix.addr.bytes, 16);
}

size_t router_advert_write(const struct router_advert *a, uint8_t frame[ROUTER_FRAME])
{
	struct nd_message m = {.src = a->src, .dst = {.family = 6, .bytes = {0xff, 2, [15] = 1}}};
	size_t len = FIXED + 8 + 8 + a->n_prefixes * 32;
	struct writer w = writer_make(frame, ROUTER_FRAME);
	uint8_t *message;

	memcpy(m.from, a->from, sizeof(m.from));
	nd_multicast_mac(&m.dst, m.to);
	nd_write_headers(&w, &m, (uint16_t)len);
	message = frame + writer_len(&w);
	writer_u8(&w, ADVERTISEMENT);
	writer_zero(&w, 3);
	writer_u8(&w, HOP_LIMIT);
	writer_u8(&w, (uint8_t)((a->managed ? FLAG_MANAGED : 0) | (a->other ? FLAG_OTHER : 0) |
	                        a->preference << 3));
	writer_u16(&w, a->lifetime);
	writer_zero(&w, 8); // times of neighbour discovery: hosts use their own
	writer_u8(&w, OPTION_SOURCE);
	writer_u8(&w, 1);
	writer_put(&w, a->from, 6);
	writer_u8(&w, OPTION_MTU);
	writer_u8(&w, 1);
	writer_zero(&w, 2);
	writer_u32(&w, a->mtu);
	for (unsigned i = 0; i < a->n_prefixes; i++)
		put_prefix(&w, &a->prefixes[i]);
	bytes_put_u16(message + 2, nd_checksum(&m.src, &m.dst, message, len));
	return writer_len(&w);
}
