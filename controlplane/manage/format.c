// Texts that several show commands share. Helper threads only.
#include "format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "text.h"

#define MINUTE 60u
#define HOUR   3600u
#define DAY    86400u
#define WEEK   604800u

const char *format_hms(uint32_t seconds, char out[FORMAT_TIME])
{
	snprintf(out, FORMAT_TIME, "%02u:%02u:%02u", seconds / HOUR, seconds / MINUTE % 60,
	         seconds % 60);
	return out;
}

const char *format_uptime(uint32_t seconds, char out[FORMAT_TIME])
{
	if (seconds < DAY)
		return format_hms(seconds, out);
	if (seconds < WEEK)
		snprintf(out, FORMAT_TIME, "%ud%02uh", seconds / DAY, seconds % DAY / HOUR);
	else
		snprintf(out, FORMAT_TIME, "%uw%ud", seconds / WEEK, seconds % WEEK / DAY);
	return out;
}

void format_long_time(uint32_t seconds, struct text *out)
{
	static const struct {
		uint32_t length;
		const char *name;
	} units[] = {{WEEK, "week"}, {DAY, "day"}, {HOUR, "hour"}, {MINUTE, "minute"}};
	bool first = true;

	for (unsigned i = 0; i < 4; i++) {
		uint32_t n = seconds / units[i].length;

		seconds %= units[i].length;
		if (!n && (units[i].length > MINUTE || !first))
			continue;
		text_printf(out, "%s%u %s%s", first ? "" : ", ", n, units[i].name,
		            n == 1 ? "" : "s");
		first = false;
	}
}

void format_flow_end(const struct ip_prefix *p, uint16_t port, struct text *out)
{
	char addr[ADDR_TEXT], mask[ADDR_TEXT];
	struct ip_addr m;

	if (p->len == addr_size(p->addr.family) * 8) {
		text_printf(out, "host %s", addr_format(&p->addr, addr));
	} else if (p->addr.family == 4) {
		m = prefix_mask(p->len);
		text_printf(out, "%s/%s", addr_format(&p->addr, addr), addr_format(&m, mask));
	} else {
		text_printf(out, "%s/%u", addr_format(&p->addr, addr), p->len);
	}
	if (port)
		text_printf(out, " port %u", port);
}

void format_transform(const struct esp_suite *s, struct text *out)
{
	static const char *const cipher[] = {"null", "des", "3des", "aes", "gcm", "chacha-poly"};
	static const char *const auth[] = {"",
	                                   " esp-md5-hmac",
	                                   " esp-sha-hmac",
	                                   " esp-sha256-hmac",
	                                   " esp-sha384-hmac",
	                                   " esp-sha512-hmac"};

	if (s->key_bits > 128 || (s->key_bits && s->cipher == SA_CIPHER_AES_GCM_16))
		text_printf(out, "esp-%u-%s%s", s->key_bits, cipher[s->cipher], auth[s->auth]);
	else
		text_printf(out, "esp-%s%s", cipher[s->cipher], auth[s->auth]);
}

unsigned long long format_total(uint64_t n)
{
	return n > INT64_MAX ? 0 : n;
}

const char *format_ike_cipher(enum ike_cipher c)
{
	static const char *const names[] = {"", "des", "3des", "aes"};

	return names[c];
}

const char *format_ike_hash(enum ike_hash h)
{
	static const char *const names[] = {"", "md5", "sha", "sha256", "sha384", "sha512"};

	return names[h];
}

const char *format_iface_short(const char *name, char *out, size_t size)
{
	size_t digits = strcspn(name, "0123456789");

	if (name[digits] && digits > 2)
		snprintf(out, size, "%.2s%s", name, name + digits);
	else
		snprintf(out, size, "%s", name);
	return out;
}
