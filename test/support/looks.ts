/**
 * What can be measured of how a page looks, as source that runs in the page: our own TypeScript knows no DOM.
 * Each answers what is wrong, a line each.
 */
type InPage = () => string[];

/** Elements that stand out of the window to the right, without a box around them that scrolls. */
export const horizontalOverflow = `(() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return [];
  const odd = [...document.body.querySelectorAll('*')].filter((each) => each.getBoundingClientRect().right > innerWidth);
  return [wide + ' px in a window of ' + innerWidth, ...odd.map((each) => each.outerHTML.slice(0, 100))];
})()` as unknown as InPage;

/** Texts with less contrast to what is behind them than WCAG 2.2 asks for (1.4.3: 4.5, or 3 when large), and fields whose edge has less than 3 (1.4.11). */
export const lowContrast = `(() => {
  const parse = (color) => {
    const [r, g, b, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
    return { r, g, b, alpha };
  };
  const over = (top, under) => {
    const mix = (a, b) => a * top.alpha + b * (1 - top.alpha);
    return { r: mix(top.r, under.r), g: mix(top.g, under.g), b: mix(top.b, under.b), alpha: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    if (!element) return { r: 255, g: 255, b: 255, alpha: 1 };
    const own = parse(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own : over(own, behind(element.parentElement));
  };
  const wrong = [];
  for (const element of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    if (!element.checkVisibility() || style.clipPath !== 'none') continue;
    const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);
    const hasText = isField || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const name = element.outerHTML.slice(0, 80);
    if (hasText) {
      const back = behind(element);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = contrast(over(parse(style.color), back), back);
      if (ratio < (isLarge ? 3 : 4.5)) wrong.push(ratio.toFixed(2) + ' text ' + name);
    }
    if (isField) {
      const ratio = contrast(parse(style.borderTopColor), behind(element.parentElement));
      if (ratio < 3) wrong.push(ratio.toFixed(2) + ' edge ' + name);
    }
  }
  return wrong;
})()` as unknown as InPage;
