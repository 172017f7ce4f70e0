"""A page whose content is dear to compute."""

from django.http import HttpRequest, JsonResponse

from cacheadmin import cached

computed: list[int] = []


@cached("prices", ttl=60)
def compute_price(article: int) -> dict[str, int]:
    computed.append(article)
    return {"article": article, "cents": article * 199}


def price(request: HttpRequest, article: int) -> JsonResponse:
    return JsonResponse({**compute_price(article), "computed": len(computed)})
