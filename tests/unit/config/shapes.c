// See shapes.h.
#include "shapes.h"

static const char *const names[SHAPES] = {"peers", "one-peer", "any", "lines", "keys", "peers6"};

const char *shape_name(enum shape shape)
{
	return names[shape];
}

static uint32_t max_sas(uint32_t n)
{
	return 4 * n > 1024 ? 4 * n : 1024;
}

static void write_platform(uint32_t n, struct text *out)
{
	text_printf(out,
	            "hostname big\n"
	            "platform\n"
	            " workers 1\n"
	            " no hugepages\n"
	            " memory 1024\n"
	            " idle adaptive\n"
	            " max-peers %u\n"
	            " max-sas %u\n"
	            " port FastEthernet0 net_null0\n"
	            " port FastEthernet1 net_null1\n"
	            "!\n"
	            "crypto isakmp policy 10\n"
	            " encryption aes 256\n"
	            " hash sha256\n"
	            " authentication pre-share\n"
	            " group 14\n"
	            "!\n"
	            "crypto ipsec transform-set big esp-aes esp-sha256-hmac\n"
	            " mode tunnel\n"
	            "!\n",
	            n > 1024 ? n : 1024, max_sas(n));
}

// A network's number in the addresses that stand for it: 10.x.y.z of /28, 100.64.x.y and so on.
static void put_v4(struct text *out, uint32_t a)
{
	text_printf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void put_peer(struct text *out, enum shape shape, uint32_t i)
{
	if (shape == SHAPE_PEERS6)
		text_printf(out, "2001:db8:1:%x::%x", i >> 8, (i & 0xff) + 1);
	else
		put_v4(out, 0x64400001 + (shape == SHAPE_PEERS || shape == SHAPE_KEYS ? i : 0));
}

static void put_network(struct text *out, uint32_t i)
{
	put_v4(out, 0x0a000000 | i << 4);
	text_printf(out, " 0.0.0.15");
}

static void write_key(enum shape shape, uint32_t i, struct text *out)
{
	text_printf(out, "crypto isakmp key secret%u address %s", i,
	            shape == SHAPE_PEERS6 ? "ipv6 " : "");
	put_peer(out, shape, i);
	text_printf(out, shape == SHAPE_PEERS6 ? "/128\n" : "\n");
}

static void write_line(enum shape shape, uint32_t i, struct text *out)
{
	text_printf(out, " permit ");
	if (shape == SHAPE_PEERS6) {
		text_printf(out, "ipv6 fd00::/16 2001:db8:%x:%x::/64\n", 0x100 + (i >> 16),
		            i & 0xffff);
		return;
	}
	text_printf(out, "ip ");
	if (shape == SHAPE_ANY) {
		put_network(out, i);
		text_printf(out, " any\n");
		return;
	}
	text_printf(out, "192.168.0.0 0.0.255.255 ");
	put_network(out, i);
	text_printf(out, "\n");
}

static const char *map_kind(enum shape shape)
{
	return shape == SHAPE_PEERS6 ? "ipv6 " : "";
}

static void write_entry(enum shape shape, uint32_t i, struct text *out)
{
	text_printf(out, "crypto map %sbig%u %u ipsec-isakmp\n set peer ", map_kind(shape),
	            i / SHAPES_MAP, i % SHAPES_MAP + 1);
	put_peer(out, shape, i);
	text_printf(out, "\n set transform-set big\n match address net%u\n", i);
}

static void write_list(enum shape shape, uint32_t i, struct text *out)
{
	text_printf(out,
	            shape == SHAPE_PEERS6 ? "ipv6 access-list net%u\n"
	                                  : "ip access-list extended net%u\n",
	            i);
}

static void write_interfaces(enum shape shape, struct text *out)
{
	for (unsigned i = 0; i < 2; i++) {
		text_printf(out, "interface FastEthernet%u\n", i);
		text_printf(out, " ip address 198.51.%u.1 255.255.255.0\n", i);
		if (shape == SHAPE_PEERS6)
			text_printf(out, " ipv6 address 2001:db8:0:%u::1/64\n", i);
		text_printf(out, " %scrypto map big%u\n!\n", map_kind(shape), i);
	}
	if (shape == SHAPE_PEERS6)
		text_printf(out, "ipv6 route ::/0 2001:db8::2\n");
	else
		text_printf(out, "ip route 0.0.0.0 0.0.0.0 198.51.0.2\n");
}

void shape_write(enum shape shape, uint32_t n, struct text *out)
{
	bool entries = shape != SHAPE_LINES && shape != SHAPE_KEYS;
	bool keys = shape == SHAPE_PEERS || shape == SHAPE_PEERS6 || shape == SHAPE_KEYS;

	write_platform(n, out);
	for (uint32_t i = 0; i < (keys ? n : 1); i++)
		write_key(shape, i, out);
	for (uint32_t i = 0; i < (entries ? n : 1); i++)
		write_entry(shape, i, out);
	for (uint32_t i = 0; i < (shape == SHAPE_KEYS ? 1 : n); i++) {
		if (entries || i == 0)
			write_list(shape, i, out);
		write_line(shape, i, out);
	}
	write_interfaces(shape, out);
}
